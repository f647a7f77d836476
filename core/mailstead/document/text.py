"""The text of a settings file, for people to read and for git to compare.

A row is a table of its own, named by its key (``[mail_smtp.domains."example.org"]``), not an
item of an array: each heading is then unique in the file. So git shows an added row as exactly
its lines, merges additions at different places, and can never take one row's fields for
another's; TOML itself refuses a row that is there twice; and an error's path leads to the line.
Modules and rows are sorted, sections and fields stand as they were declared, and nothing of
time or machine is in it: the same settings give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from mailstead.document.document import ENABLED, MODULES
from mailstead.modules import PATH, ModuleState
from mailstead.settings.cells import Json, Tree
from mailstead.settings.keys import split_key
from mailstead.settings.schema import Bound, Schema
from mailstead.settings.store import Store
from mailstead.settings.view import Settings, is_row

HEADER = """\
# The settings of Mailstead; what is not set here has its default.
# Written by `mailstead export`, put into effect by `mailstead apply FILE`.
"""
SECRETS = "# This file holds secrets: keep it where only you can read it.\n"
FOREIGN = """\
# No module that can be used has the section {path}.
# Install the module, or take the section out, before you import this file.
"""
WITH = "`export --with-secrets` writes it"


@attrs.frozen
class Text:
    """A settings file as text, and the places of the values that were left out of it."""

    text: str = attrs.field(repr=False)
    left_out: tuple[str, ...]


def document_text(store: Store, schema: Schema, tree: Tree, *, secrets: bool = False) -> Text:
    """Write every setting that is set in a tree.

    Without ``secrets`` no secret is written, nor anything of a field that no module declares
    now, because nobody can tell whether that is one; a comment stands in its place.
    """
    writer = _Writer(store, schema, tree, secrets)
    with store.snapshot():
        return Text("".join(writer.chunks()), tuple(writer.left_out))


@attrs.define
class _Writer:
    store: Store
    schema: Schema
    tree: Tree
    secrets: bool
    left_out: list[str] = attrs.field(factory=list)

    def chunks(self) -> Iterator[str]:
        yield HEADER + (SECRETS if self.secrets else "")
        rows = Settings(self.store, self.schema, self.tree).rows(ModuleState)
        yield "\n" + _toml((MODULES,), {ENABLED: [row.id for row in rows if row.enabled]})
        for path in self._sections():
            yield from self._section(path)

    def _sections(self) -> list[str]:
        """Sort modules by name, for the order of the registry is that of what is installed."""
        declared = {bound.path: number for number, bound in enumerate(self.schema.all())}
        found = self.store.sections(self.tree) - {PATH}

        def place(path: str) -> tuple[str, int, str]:
            return path.partition(".")[0], declared.get(path, len(declared)), path

        return sorted(found, key=place)

    def _section(self, path: str) -> Iterator[str]:
        bound = self.schema.get(path)
        title = f"# {bound.section.title}\n" if bound else FOREIGN.format(path=path)
        for key, cells in self.store.records(self.tree, path):
            if bound is None or bound.section.kind == "form" or is_row(bound, cells):
                yield f"\n{title}{self._record(path, bound, key, cells)}"
                title = ""

    def _record(self, path: str, bound: Bound | None, key: str, cells: dict[str, Json]) -> str:
        values: dict[str, Json] = {}
        notes: list[str] = []
        for name in _in_order(bound, cells):
            place = f"{path}[{key}].{name}" if key else f"{path}.{name}"
            why = self._why_not(bound, name)
            if why:
                self.left_out.append(place)
                notes.append(f"# {name} is set, but not written: {why}\n")
            elif bound and not _declares(bound, name):
                notes += _comment(f"{path} no longer has this field:", {name: cells[name]})
            else:
                values[name] = cells[name]
        names = (*path.split(".", 1), *(split_key(key) if key else ()))
        return "".join((_toml(names, values), *notes))

    def _why_not(self, bound: Bound | None, name: str) -> str:
        if self.secrets:
            return ""
        if bound is None or not _declares(bound, name):
            return f"no module can tell whether it is a secret ({WITH})"
        return f"it is a secret ({WITH})" if bound.field(name).type.secret else ""


def _in_order(bound: Bound | None, cells: Mapping[str, Json]) -> Iterable[str]:
    """Give the names of fields as declared, then the others; a row's key is its heading."""
    if bound is None:
        return sorted(cells)
    declared = [item.name for item in bound.section.fields if item.name in cells]
    others = sorted(set(cells) - set(declared))
    return [name for name in (*declared, *others) if name not in bound.section.key]


def _declares(bound: Bound, name: str) -> bool:
    return any(item.name == name for item in bound.section.fields)


def _comment(words: str, values: Mapping[str, Json]) -> list[str]:
    lines = [words, *_toml((), values).splitlines()]
    return [f"# {line}\n" for line in lines]


def _toml(names: Iterable[str], values: Mapping[str, Any]) -> str:
    import tomli_w

    document: Mapping[str, Any] = values
    for name in reversed(tuple(names)):
        document = {name: document}
    return tomli_w.dumps(document)
