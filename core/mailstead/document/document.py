"""A settings file: all settings as one TOML document, read and checked for its shape.

    [modules]
    enabled = ["network"]

    [network.host]
    hostname = "mail"

    [network.members.office.lan]
    address = "192.0.2.0/24"

A form is the table ``module.section``; a row is a table below it, named by the values of its
key fields in order. `mailstead.document.text` writes such files and
`mailstead.document.importer` makes the draft what one says, with the fields' own validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from mailstead.errors import AlreadyExists, InvalidInput, InvalidValue, NotFound
from mailstead.modules import CORE
from mailstead.settings.keys import join_key
from mailstead.settings.schema import Bound, Schema, nearest
from mailstead.settings.validate import canonical_key

LIMIT = 64 << 20
MODULES = "modules"
ENABLED = "enabled"

Fields = Mapping[str, Any]


@attrs.frozen
class Document:
    """What a settings file says.

    Attributes:
        name: the file, as errors name it.
        enabled: the modules that shall be enabled; ``None`` when it does not say.
        records: section path to canonical key text to fields; the key of a form is empty.
    """

    name: str
    enabled: tuple[str, ...] | None
    records: Mapping[str, Mapping[str, Fields]] = attrs.field(repr=False)


def read_document(
    content: bytes, name: str, schema: Schema, unusable: Mapping[str, str] | None = None
) -> Document:
    """Read a settings file; values are checked later, when they are written to the draft.

    Args:
        content: the file, UTF-8.
        name: what errors call it.
        schema: the sections there are.
        unusable: modules that are installed but cannot be used, with the reason.

    Raises InvalidInput and its kin, naming the file and the place in it.
    """
    with errors_in(name):
        raw = _parse(content)
        enabled = _enabled(raw.pop(MODULES, None))
        return Document(name, enabled, _Reader(schema, unusable or {}).records(raw))


@contextmanager
def errors_in(name: str) -> Iterator[None]:
    """Let what is refused name the file before the place in it."""
    try:
        yield
    except InvalidInput as error:
        error.where = f"{name}: {error.where}" if error.where else name
        raise


def _parse(content: bytes) -> dict[str, Any]:
    import tomli

    if len(content) > LIMIT:
        raise InvalidInput(f"is larger than {LIMIT >> 20} MiB")
    try:
        return tomli.loads(content.decode())
    except UnicodeDecodeError as error:
        raise InvalidInput(f"is not UTF-8 text (at byte {error.start})") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"is not TOML: {error}") from error


def _enabled(raw: Any) -> tuple[str, ...] | None:
    if raw is None:
        return None
    example = f'write [{MODULES}] and {ENABLED} = ["network"]'
    if not isinstance(raw, dict):
        raise InvalidInput("is not a table", where=MODULES, hint=example)
    for name in raw:
        if name != ENABLED:
            raise NotFound(f"no field {name!r}", where=MODULES, hint=nearest(name, [ENABLED]))
    names = raw.get(ENABLED)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidValue("is not a list of names", where=f"{MODULES}.{ENABLED}", hint=example)
    return tuple(dict.fromkeys(names))


@attrs.frozen
class _Reader:
    """Finds the records in parsed TOML."""

    schema: Schema
    unusable: Mapping[str, str]

    def records(self, raw: Fields) -> dict[str, dict[str, Fields]]:
        found: dict[str, dict[str, Fields]] = {}
        for module, sections in raw.items():
            self._require_module(module)
            for name, value in _table(sections, module).items():
                bound = self.schema.find(f"{module}.{name}")
                found[bound.path] = self._section(bound, value)
        return found

    def _require_module(self, module: str) -> None:
        known = sorted({bound.module for bound in self.schema.all()} - {CORE})
        if module in known:
            return
        if module in self.unusable:
            hint = "see `mailstead modules`, or take its sections out"
            raise NotFound(f"the module is {self.unusable[module]}", where=module, hint=hint)
        hint = f"install it or take its sections out; {nearest(module, known)}"
        raise NotFound(f"the module {module!r} is not installed", where=module, hint=hint)

    def _section(self, bound: Bound, value: Any) -> dict[str, Fields]:
        if bound.section.kind == "form":
            fields = _table(value, bound.path)
            _refuse_unknown(bound, "", fields)
            return {"": fields}
        found: dict[str, Fields] = {}
        for parts, fields in _rows(bound, value):
            key = canonical_key(self.schema, bound, join_key(parts))
            if key in found:
                hint = "two spellings of one key; keep one of them"
                raise AlreadyExists("is there twice", where=bound.place(key), hint=hint)
            _refuse_unknown(bound, key, fields)
            found[key] = fields
        return found


def _rows(bound: Bound, value: Any) -> Iterator[tuple[tuple[str, ...], Fields]]:
    """Give rows with the parts of their keys, walking one table deeper for each part."""
    words = ".".join(name.upper() for name in bound.section.key)
    hint = f"write each row as [{bound.path}.{words}]"
    level: dict[tuple[str, ...], Fields] = {(): _table(value, bound.path, hint)}
    for _ in bound.section.key:
        level = {
            (*parts, part): _table(inner, bound.place(join_key((*parts, part))), hint)
            for parts, outer in level.items()
            for part, inner in outer.items()
        }
    yield from level.items()


def _table(value: Any, where: str, hint: str = "") -> Fields:
    if not isinstance(value, dict):
        raise InvalidInput("is not a table", where=where, hint=hint or f"write [{where}]")
    return value


def _refuse_unknown(bound: Bound, key: str, fields: Fields) -> None:
    for name in fields:
        try:
            bound.field(name)
        except NotFound as error:
            raise NotFound(error.problem, where=bound.place(key), hint=error.hint) from None
        if name in bound.section.key:
            hint = "the table's name gives it; take it out"
            raise InvalidValue("is part of the key", where=bound.place(key, name), hint=hint)
