"""Find other values that a field takes, and rows that a table takes, without knowing their types.

A field's own grammar judges what is tried, so this also serves types that modules bring along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import attrs

from mailstead.errors import InvalidValue
from mailstead.settings.cells import Json, Tree
from mailstead.settings.declare import Field
from mailstead.settings.keys import join_key, split_key
from mailstead.settings.overlay import Place
from mailstead.settings.schema import Bound, Schema, is_needed
from mailstead.settings.values import Reference
from mailstead.settings.view import Reader, is_row, key_part

# One of these fits nearly every grammar.
COMMON: tuple[Json, ...] = (
    False, True, 1, 2, "x", "x.test", "x@x.test", "192.0.2.7", "192.0.2.0/24", "x.test:25", "/x"
)  # fmt: skip
FEW = 2  # rows a reference is tried with
DEEPEST = 4  # tables that refer to tables


@attrs.frozen
class Guesser:
    """Guesses by the schema, and by the rows there are, since references name them."""

    schema: Schema
    reader: Reader
    tree: Tree

    def values(self, field: Field, value: Json) -> Iterator[Json]:
        """Give values, as the store holds them, that a field takes and that are not this one.

        The most alike come first.
        """
        seen = [value]
        for raw in self._tries(field, value):
            try:
                found = field.dump(field.parse(raw, ""))
            except InvalidValue:
                continue
            found = "" if found is None else found  # "none" where there may be a default
            if not any(_is_same(found, other) for other in seen):
                seen.append(found)
                yield found

    def row(self, bound: Bound, parts: Sequence[str] = (), depth: int = 0) -> dict[Place, Json]:
        """Give the cells of a new row whose key begins so, with those of rows it refers to.

        Gives none when a field that it cannot do without takes nothing that is tried.
        """
        given = dict(zip(bound.section.key, parts, strict=False))
        needed = [item for item in bound.section.fields if is_needed(item)]
        values = {item.name: self._value(item, given.get(item.name)) for item in needed}
        if depth > DEEPEST or None in values.values():
            return {}
        key = join_key(key_part(bound.field(name), values[name]) for name in bound.section.key)
        cells = {(bound.path, key, name): value for name, value in values.items()}
        for item in needed:
            for name in values[item.name] if item.many else [values[item.name]]:
                cells |= self._referred(item, name, depth)
        return cells

    def _value(self, field: Field, given: str | None) -> Json:
        if given is None:
            return next(self.values(field, None), None)
        try:
            return field.dump(field.parse(given, ""))
        except InvalidValue:
            return None

    def _referred(self, field: Field, key: Json, depth: int) -> dict[Place, Json]:
        """Give the row that a reference names, unless it is there."""
        target = field.type.target if isinstance(field.type, Reference) else ""
        bound = self.schema.get(target)
        if bound is None or is_row(bound, self.reader.record(self.tree, target, key)):
            return {}
        return self.row(bound, split_key(key), depth + 1)

    def _tries(self, field: Field, value: Json) -> Iterator[Json]:
        if field.many:
            items = list(value or ())
            yield items[:-1]
            last = items[-1] if items else None
            for item in self._single(field, last):
                yield [*items, item]
                yield [item]
        else:
            yield from self._single(field, value)
        if field.optional:
            yield ""

    def _single(self, field: Field, value: Json) -> Iterator[Json]:
        if isinstance(value, bool):
            yield not value
        elif isinstance(value, int):
            yield from (value + 1, value - 1)
        if isinstance(field.type, Reference):
            rows = self.reader.records(self.tree, field.type.target)
            yield from [key for key, _ in islice(rows, FEW)]
        yield from getattr(field.type, "choices", ())
        if isinstance(value, str):
            yield from (f"{value}x", f"x.{value}", f"{value}/x", value[:-1])
        yield from COMMON


def _is_same(one: Json, other: Json) -> bool:
    return type(one) is type(other) and bool(one == other)
