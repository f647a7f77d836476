"""A read-only view of one tree: attrs instances made of cells and defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeVar

from mailstead.errors import InvalidValue
from mailstead.settings.cells import Json, Tree
from mailstead.settings.declare import Field
from mailstead.settings.keys import join_key
from mailstead.settings.schema import Bound, Schema, is_needed

T = TypeVar("T")


class Reader(Protocol):
    """What a view reads from: the store, or something laid over it."""

    def record(self, tree: Tree, section: str, key: str) -> dict[str, Json]:
        """Give the set fields of a form (key ``""``) or row; empty when there are none."""

    def records(
        self, tree: Tree, section: str, prefix: str = ""
    ) -> Iterator[tuple[str, dict[str, Json]]]:
        """Stream the records of a section, or those below a key, in the order of their keys."""

    def count(self, tree: Tree, section: str) -> int:
        """Count the records of a section."""

    def keys(self, tree: Tree, section: str, field: str) -> Iterator[str]:
        """Stream the keys of records that set a field, in no order."""


class Settings:
    """Running or draft, as modules see it."""

    def __init__(self, store: Reader, schema: Schema, tree: Tree) -> None:
        self._store = store
        self._schema = schema
        self._tree: Tree = tree

    def form(self, cls: type[T]) -> T:
        """Give a form. Raises InvalidValue when a stored value is no longer accepted."""
        bound = self._schema.of(cls)
        made: T = build(bound, "", self._store.record(self._tree, bound.path, ""))
        return made

    def row(self, cls: type[T], *key: object) -> T | None:
        """Give a row by the values of its key fields, or ``None``."""
        bound = self._schema.of(cls)
        text = key_text(bound, key)
        cells = {} if text is None else self._store.record(self._tree, bound.path, text)
        if text is None or not is_row(bound, cells):
            return None
        made: T = build(bound, text, cells)
        return made

    def rows(self, cls: type[T], *key_prefix: object) -> Iterator[T]:
        """Stream rows in key order: all, or those whose key begins with these values."""
        bound = self._schema.of(cls)
        prefix = key_text(bound, key_prefix)
        if prefix is None:
            return
        for key, cells in self._store.records(self._tree, bound.path, prefix):
            if is_row(bound, cells):
                yield build(bound, key, cells)

    def count(self, cls: type) -> int:
        """Count the rows of a table."""
        return self._store.count(self._tree, self._schema.of(cls).path)

    def is_used(self, cls: type, field: str) -> bool:
        """Tell whether any row of a table sets a field; what it costs does not grow with them."""
        path = self._schema.of(cls).path
        return next(self._store.keys(self._tree, path, field), None) is not None

    def exists(self, path: str, *key: object) -> bool:
        """Tell whether the table ``module.section`` has a row."""
        bound = self._schema.find(path)
        text = key_text(bound, key)
        return text is not None and is_row(bound, self._store.record(self._tree, path, text))


def build(bound: Bound, key: str, cells: Mapping[str, Json]) -> Any:
    """Make a section's instance of cells and defaults. Raises InvalidValue with the path.

    Cells of fields that a newer plugin no longer has are passed over.
    """
    values = {item.name: _value(bound, key, item, cells) for item in bound.section.fields}
    return bound.section.cls(**values)


def is_row(bound: Bound, cells: Mapping[str, Json]) -> bool:
    """Tell whether cells make a row: its key fields are set."""
    return bool(cells) and all(name in cells for name in bound.section.key)


def key_text(bound: Bound, values: tuple[object, ...]) -> str | None:
    """Give the key text for key fields' values, or ``None`` when no row can have such a key."""
    names = bound.section.key
    if len(values) > len(names):
        raise TypeError(f"the key of {bound.path} is {', '.join(names)}")
    try:
        parts = [
            key_part(bound.field(name), value) for name, value in zip(names, values, strict=False)
        ]
    except InvalidValue:
        return None
    return join_key(parts)


def key_part(field: Field, raw: object, where: str = "") -> str:
    """Give the text of one key field's value. Raises InvalidValue."""
    value = field.dump(field.parse(raw, where))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(bound: Bound, key: str, field: Field, cells: Mapping[str, Json]) -> Any:
    if field.name in cells:
        return field.parse(cells[field.name], bound.place(key, field.name))
    if is_needed(field):
        where = bound.place(key, field.name)
        raise InvalidValue("is not set", where=where, hint=f"set it to {field.accepts}")
    return default_of(field)


def default_of(field: Field) -> Any:
    """Give the value a field has when it was not set."""
    if field.many:
        return tuple(field.default or ())
    return field.default
