"""Edit the draft: each call is validated as a whole, and writes all of it or nothing."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from mailstead.errors import AlreadyExists, InUse, InvalidInput, InvalidValue, NotFound
from mailstead.settings.audit import AuditLog
from mailstead.settings.cells import Actor, Cell, Json, encode, mask
from mailstead.settings.declare import Field
from mailstead.settings.keys import join_key, split_key
from mailstead.settings.schema import Bound, Schema, is_needed
from mailstead.settings.store import Store
from mailstead.settings.uses import Removal, uses_of
from mailstead.settings.validate import (
    canonical_key,
    canonical_reference,
    problems_of,
    validate_changed,
)
from mailstead.settings.view import is_row, key_part

__all__ = ["Editor", "Record", "validate_changed"]


@attrs.frozen
class Record:
    """A form or row to write.

    Attributes:
        key: canonical key text; empty for a form.
        values: fields as given, without those of the key; ``None`` removes the row.
        whole: unset the fields that are not given, but not secrets.
    """

    path: str
    key: str
    values: Mapping[str, object] | None = attrs.field(repr=False)
    whole: bool = False


class Editor:
    """Edits the draft. Rows are named by key text in any spelling of it.

    Cells are written before a record is checked, within one transaction, so that a section's
    ``check`` sees the draft as it will be; what is refused is rolled back.
    """

    def __init__(self, store: Store, schema: Schema, now: Callable[[], float]) -> None:
        self._store = store
        self._schema = schema
        self._now = now

    def set_form(self, path: str, values: Mapping[str, object], actor: Actor) -> None:
        """Set fields of a form. Raises NotFound, InvalidValue."""
        bound = self._bound(path, "form")
        parsed = {name: self._parse(bound, "", name, raw) for name, raw in values.items()}
        self._write(bound, "", parsed, actor)

    def add_row(self, path: str, values: Mapping[str, object], actor: Actor) -> str:
        """Add a row and give its key text. Raises NotFound, InvalidValue, AlreadyExists."""
        bound = self._bound(path, "table")
        for name in values:
            bound.field(name)
        _require(bound, values)
        identity = {n: self._parse(bound, "", n, values[n]) for n in bound.section.key}
        key = self._key_of(bound, identity)
        rest = [name for name in values if name not in identity]
        parsed = identity | {name: self._parse(bound, key, name, values[name]) for name in rest}
        with self._store.transaction():
            if self._has(bound, key):
                hint = f"choose another, or change that one; {_shown_by(bound, key)}"
                raise AlreadyExists("exists already", where=bound.place(key), hint=hint)
            self._write(bound, key, parsed, actor)
        return key

    def change_row(self, path: str, key: str, values: Mapping[str, object], actor: Actor) -> None:
        """Change fields of a row. Raises NotFound, InvalidValue."""
        bound = self._bound(path, "table")
        key = self._existing(bound, key)
        parsed = {name: self._parse(bound, key, name, raw) for name, raw in values.items()}
        self._refuse_new_key(bound, key, parsed)
        self._write(bound, key, parsed, actor)

    def unset(self, path: str, key: str, field_names: Iterable[str], actor: Actor) -> None:
        """Set fields back to their defaults; ``key`` is empty for a form."""
        bound = self._schema.find(path)
        if bound.section.kind == "table" or key:
            key = self._existing(self._bound(path, "table"), key)
        fields = [bound.field(name) for name in field_names]
        for field in fields:
            if is_needed(field):
                raise InvalidValue("is required", where=bound.place(key, field.name))
        self._apply(bound, key, [Cell(path, key, field.name, None) for field in fields], actor)

    def uses(self, path: str, key: str) -> tuple[str, ...]:
        """Give the places in the draft that refer to a row."""
        bound = self._bound(path, "table")
        found = uses_of(self._store, self._schema, path, {canonical_key(self._schema, bound, key)})
        return tuple(use.where for use in found)

    def remove_row(self, path: str, key: str, actor: Actor, force: bool = False) -> None:
        """Remove a row.

        ``force`` frees every use of it: rows that cannot do without it go too, other fields
        are cleared or lose the item. Raises NotFound, InUse, InvalidValue.
        """
        bound = self._bound(path, "table")
        with self._store.transaction():
            key = self._existing(bound, key)
            users = () if force else self.uses(path, key)
            if users:
                raise InUse("is in use", users=users, where=bound.place(key))
            removal = Removal(self._store, self._schema)
            removal.add(bound, key)
            self._record(removal.cells(), actor)
            for changed_path, changed_key in removal.changed():
                self._verify(self._schema.find(changed_path), changed_key)

    def write_many(self, records: Iterable[Record], actor: Actor) -> None:
        """Write records, which may refer to each other in any order.

        They are checked when all are written, and so is what still refers to a removed row.
        Raises NotFound, InvalidValue; then nothing is written.
        """
        with self._store.transaction():
            for record in records:
                self._record(self._differing(record), actor)
            for problem in validate_changed(self._store, self._schema):
                raise InvalidValue(problem.problem, where=problem.where, hint=problem.hint)

    def _differing(self, record: Record) -> list[Cell]:
        """Give the cells of a record that are not in the draft as they shall be."""
        now = self._store.record("draft", record.path, record.key)
        wanted = {} if record.values is None else self._wanted(record, record.values, now)
        return [
            Cell(record.path, record.key, name, wanted.get(name))
            for name in {**now, **wanted}
            if encode(wanted.get(name)) != encode(now.get(name))
        ]

    def _wanted(
        self, record: Record, values: Mapping[str, object], now: Mapping[str, Json]
    ) -> dict[str, Json]:
        bound = self._bound(record.path, "table" if record.key else "form")
        parts = split_key(record.key) if record.key else ()
        identity = dict(zip(bound.section.key, parts, strict=True))
        parsed = {
            name: self._parse(bound, record.key, name, raw)
            for name, raw in {**values, **identity}.items()
        }
        if identity and self._key_of(bound, parsed) != record.key:
            raise InvalidValue("is not in canonical form", where=bound.place(record.key))
        kept = {name: now[name] for name in now if not record.whole or _outlives(bound, name)}
        return kept | {name: _stored(bound.field(name), value) for name, value in parsed.items()}

    def _bound(self, path: str, kind: str) -> Bound:
        bound = self._schema.find(path)
        if bound.section.kind != kind:
            hint = "name a row of it" if kind == "form" else "it has no rows"
            raise InvalidInput(f"is a {bound.section.kind}", where=path, hint=hint)
        return bound

    def _has(self, bound: Bound, key: str) -> bool:
        return is_row(bound, self._store.record("draft", bound.path, key))

    def _existing(self, bound: Bound, key: str) -> str:
        try:
            canonical = canonical_key(self._schema, bound, key)
        except InvalidValue as error:
            raise NotFound(error.problem, where=bound.path, hint=error.hint) from None
        if not self._has(bound, canonical):
            hint = _shown_by(bound)
            raise NotFound("does not exist", where=bound.place(canonical), hint=hint)
        return canonical

    def _parse(self, bound: Bound, key: str, name: str, raw: object) -> Any:
        field = bound.field(name)
        where = bound.place(key, name)
        return canonical_reference(self._schema, field, field.parse(raw, where), where)

    def _key_of(self, bound: Bound, values: Mapping[str, Any]) -> str:
        names = bound.section.key
        parts = [key_part(bound.field(name), values[name]) for name in names]
        for name, part in zip(names, parts, strict=True):
            if not part:
                raise InvalidValue("must not be empty", where=bound.place("", name))
        return join_key(parts)

    def _refuse_new_key(self, bound: Bound, key: str, parsed: Mapping[str, Any]) -> None:
        stored = self._store.record("draft", bound.path, key)
        for name in bound.section.key:
            if name in parsed and bound.field(name).dump(parsed[name]) != stored[name]:
                hint = "remove the row and add another"
                where = bound.place(key, name)
                raise InvalidValue("is part of the key and cannot change", where=where, hint=hint)

    def _write(self, bound: Bound, key: str, parsed: Mapping[str, Any], actor: Actor) -> None:
        cells = [
            Cell(bound.path, key, name, _stored(bound.field(name), value))
            for name, value in parsed.items()
        ]
        self._apply(bound, key, cells, actor)

    def _apply(self, bound: Bound, key: str, cells: list[Cell], actor: Actor) -> None:
        with self._store.transaction():
            self._record(cells, actor)
            self._verify(bound, key)

    def _record(self, cells: Iterable[Cell], actor: Actor) -> None:
        changes = self._store.edit(cells, actor, self._now())
        AuditLog(self._store).edited(mask(self._schema, change) for change in changes)

    def _verify(self, bound: Bound, key: str) -> None:
        for problem in problems_of(self._store, self._schema, bound, key):
            raise InvalidValue(problem.problem, where=problem.where, hint=problem.hint)


def _require(bound: Bound, values: Mapping[str, object]) -> None:
    missing = [f for f in bound.section.fields if is_needed(f) and f.name not in values]
    if missing:
        names = ", ".join(field.name for field in missing)
        where = bound.place("", missing[0].name)
        raise InvalidValue("is required", where=where, hint=f"give {names}")


def _shown_by(bound: Bound, key: str = "") -> str:
    words = ("mailstead", "settings", "show", bound.path, *([key] if key else []))
    return f"see `{shlex.join(words)}`"


def _outlives(bound: Bound, name: str) -> bool:
    """Tell whether a field stays when a record is written whole: a secret, or not declared."""
    return all(item.name != name or item.type.secret for item in bound.section.fields)


def _stored(field: Field, value: Any) -> Any:
    # JSON's null is an unset cell; "none" in place of a default is kept as an empty text,
    # which an optional field reads back as none.
    if value is None and field.default is not None:
        return ""
    return field.dump(value)
