"""Find what refers to rows, and what becomes of it when they are removed by force."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import attrs

from mailstead.errors import InvalidValue
from mailstead.settings.cells import Cell, Json
from mailstead.settings.declare import Field
from mailstead.settings.keys import join_key
from mailstead.settings.schema import Bound, Schema
from mailstead.settings.store import Store
from mailstead.settings.view import default_of


@attrs.frozen
class Use:
    """A field of a record that refers to some of the rows asked about."""

    bound: Bound
    key: str
    field: Field
    targets: tuple[str, ...]

    @property
    def where(self) -> str:
        """Give the field's path."""
        return self.bound.place(self.key, self.field.name)


def uses_of(store: Store, schema: Schema, path: str, keys: Collection[str]) -> Iterator[Use]:
    """Give each field in the draft that refers to one of the rows, in a stable order."""
    for bound, field in schema.references_to(path):
        for key, cells in _candidates(store, bound, field, keys):
            found = tuple(item for item in targets(field, cells) if item in keys)
            if found and not (bound.path == path and key in keys):
                yield Use(bound, key, field, found)


def targets(field: Field, cells: Mapping[str, Json]) -> tuple[str, ...]:
    """Give the key texts a field refers to, its default counting like a set value."""
    value = cells[field.name] if field.name in cells else default_of(field)
    if field.many:
        return tuple(value)
    if value and field.mentions is not None:
        return (field.mentions.key(value),)
    return (value,) if value else ()


def record_of(store: Store, bound: Bound, key: str) -> dict[str, Json]:
    """Give the cells of a record of the draft."""
    return store.record("draft", bound.path, key)


def _candidates(
    store: Store, bound: Bound, field: Field, keys: Collection[str]
) -> Iterator[tuple[str, dict[str, Json]]]:
    if bound.section.kind == "form":
        yield "", record_of(store, bound, "")
    elif bound.section.key[0] == field.name:
        # The rows that begin with the key lie together; the others need not be read.
        for key in sorted(keys):
            yield from store.records("draft", bound.path, join_key((key,)))
    else:
        yield from store.records("draft", bound.path)


class Removal:
    """The removal of a row with all that depends on it: rows to remove, fields to change."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self._store = store
        self._schema = schema
        self.rows: dict[tuple[str, str], Bound] = {}
        self.fields: dict[tuple[str, str, str], Json] = {}
        self._waiting: list[tuple[Bound, str]] = []

    def add(self, bound: Bound, key: str) -> None:
        """Remove a row and free every use of it, and so on from there."""
        self._remove(bound, key)
        while self._waiting:
            target, target_key = self._waiting.pop()
            for use in uses_of(self._store, self._schema, target.path, {target_key}):
                self._free(use)

    def cells(self) -> list[Cell]:
        """Give the cells to write."""
        removed = [
            Cell(path, key, name, None)
            for (path, key), bound in self.rows.items()
            for name in record_of(self._store, bound, key)
        ]
        return removed + [Cell(*place, value) for place, value in self._kept_fields()]

    def changed(self) -> tuple[tuple[str, str], ...]:
        """Give the records that stay and change, as (section path, key)."""
        return tuple(dict.fromkeys((path, key) for (path, key, _), _ in self._kept_fields()))

    def _kept_fields(self) -> list[tuple[tuple[str, str, str], Json]]:
        return [item for item in self.fields.items() if item[0][:2] not in self.rows]

    def _remove(self, bound: Bound, key: str) -> None:
        if (bound.path, key) not in self.rows:
            self.rows[bound.path, key] = bound
            self._waiting.append((bound, key))

    def _free(self, use: Use) -> None:
        place = (use.bound.path, use.key, use.field.name)
        value, valid = self._without(use, place)
        if valid:
            self.fields[place] = value
        elif use.bound.section.kind == "table":
            self._remove(use.bound, use.key)
        else:
            hint = f"set it to something else than {', '.join(use.targets)} first"
            raise InvalidValue(
                "cannot be freed: it must refer to a row", where=use.where, hint=hint
            )

    def _without(self, use: Use, place: tuple[str, str, str]) -> tuple[Json, bool]:
        if not use.field.many:
            # An empty text reads as "none" and, unlike an unset cell, overrides a default.
            return (None if use.field.default is None else ""), use.field.optional
        cells = record_of(self._store, use.bound, use.key)
        now = self.fields.get(place, targets(use.field, cells))
        rest = [item for item in now if item not in use.targets]
        return rest, len(rest) >= use.field.min_items
