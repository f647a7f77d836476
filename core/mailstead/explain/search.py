"""Search what one line of a file depends on: set each thing it may depend on to something else.

What it may depend on is what was read while the file was rendered. A form or row is first
changed as a whole, and only if that changes the line, field by field. What cannot be changed,
because no other value is known or the module refuses it, is what the line perhaps depends on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import attrs

from mailstead.context import Context
from mailstead.explain.variants import File, Variants
from mailstead.settings.cells import Json
from mailstead.settings.declare import Field
from mailstead.settings.guess import Guesser
from mailstead.settings.keys import split_key
from mailstead.settings.overlay import Place
from mailstead.settings.recording import Reads
from mailstead.settings.schema import Bound, is_needed
from mailstead.settings.view import is_row
from mailstead.transaction.lines import Lines, added

LIMIT = 300  # renders of the file
ROWS = 100  # of a table that are tried; of a larger one, those whose values stand in the line
VALUES = 2  # that are tried of a field
SHORTEST = 3  # letters of a value that is looked for in the line

Record = Mapping[str, Json]


@attrs.frozen
class Finding:
    """A field; a form or a row as a whole (no field); the rows of a table (part of a key)."""

    bound: Bound
    key: str = ""
    field: str = ""

    @property
    def where(self) -> str:
        """Give its path."""
        return self.bound.place(self.key, self.field)


@attrs.define
class Search:
    """The search for one line; ``number`` counts from 0, ``reads`` is what the file asked for."""

    variants: Variants
    file: File
    lines: Lines
    number: int
    reads: Reads
    guesser: Guesser
    found: list[Finding] = attrs.field(factory=list)
    perhaps: list[str] = attrs.field(factory=list)
    missing: list[tuple[Bound, str]] = attrs.field(factory=list)
    left: int = attrs.field(factory=lambda: LIMIT)

    def run(self) -> None:
        """Try everything that was read: first what there is, then what there is not."""
        done = set(self.reads.records)
        for section, key in sorted(self.reads.records):
            if bound := self.variants.contexts.schema.get(section):
                self._record(bound, key)
        for section, prefix in sorted(self.reads.ranges):
            if bound := self.variants.contexts.schema.get(section):
                self._table(bound, prefix, done)
        for bound, key in self.missing:
            self._absent(bound, key)

    def affects(self, context: Context) -> bool | None:
        """Tell whether the line is another in a context; ``None`` when that cannot be told."""
        if self.left <= 0:
            return None
        self.left -= 1
        made = self.variants.attempt(self.file, context)
        return None if made is None else self.number in added(made, self.lines)

    def _changes(self, cells: Mapping[Place, Json], emptied: Iterable[str] = ()) -> bool | None:
        return self.affects(self.variants.changed(cells, tuple(emptied)))

    def _table(self, bound: Bound, prefix: str, done: set[tuple[str, str]]) -> None:
        """Try the rows of a table; one without rows, with a row."""
        keys = list(islice((key for key, _ in self._records(bound, prefix)), ROWS + 1))
        if not keys:
            self.missing.append((bound, prefix))
        is_large = len(keys) > ROWS
        tried = list(islice(self._named(bound, prefix), ROWS)) if is_large else keys
        before = len(self.found)
        for key in tried:
            if (bound.path, key) not in done:
                done.add((bound.path, key))
                self._record(bound, key)
        if is_large and before == len(self.found):
            self._keep(Finding(bound), self._changes({}, [bound.path]))

    def _named(self, bound: Bound, prefix: str) -> Iterator[str]:
        """Give the rows of which a value stands in the line."""
        text = self.lines[self.number]
        for key, cells in self._records(bound, prefix):
            values = (item for item in cells.values() if isinstance(item, str))
            if any(len(value) >= SHORTEST and value in text for value in values):
                yield key

    def _record(self, bound: Bound, key: str) -> None:
        if self.left <= 0:
            self._keep(Finding(bound), None)
            return
        cells = self.variants.contexts.store.record(self.variants.tree, bound.path, key)
        if bound.section.kind == "table" and not is_row(bound, cells):
            self.missing.append((bound, key))
        else:
            self._present(bound, key, cells)

    def _absent(self, bound: Bound, key: str) -> None:
        """Try a row that is not there; and then what is only read because it is."""
        if self.left <= 0:
            self._keep(Finding(bound), None)
            return
        row = self._row(bound, key)
        told = self._changes(row) if row else None
        if told is False and (further := self._further(row)):
            told = self._changes({**row, **further})
        self._keep(Finding(bound, key), told)

    def _row(self, bound: Bound, key: str) -> dict[Place, Json]:
        return self.guesser.row(bound, split_key(key) if key else ())

    def _further(self, row: Mapping[Place, Json]) -> dict[Place, Json]:
        """Give rows for what a new row makes the file ask for beside what it asked before."""
        context, watch = self.variants.watched(row)
        self.affects(context)
        asked = watch.reads.records | watch.reads.ranges
        cells: dict[Place, Json] = {}
        for section, key in sorted(asked - self.reads.records - self.reads.ranges):
            bound = self.variants.contexts.schema.get(section)
            if bound is not None and bound.section.kind == "table":
                cells |= self._row(bound, key)
        return cells

    def _present(self, bound: Bound, key: str, cells: Record) -> None:
        """Try a form or a row that is there: as a whole, then field by field."""
        fields = [item for item in bound.section.fields if item.name not in bound.section.key]
        tries = {item.name: list(self._others(item, cells)) for item in fields}
        place = (bound.path, key)
        together = {(*place, name): values[0] for name, values in tries.items() if values}
        wholes = [together] if together else []
        if bound.section.kind == "table":
            wholes.append({(*place, name): None for name in cells})
        told = [self._changes(whole) for whole in wholes]
        if told and not any(item is not False for item in told):
            tries = {name: values for name, values in tries.items() if not values}
        found = [self._field(Finding(bound, key, name), values) for name, values in tries.items()]
        if True in told and True not in found:
            self.found.append(Finding(bound, key))

    def _others(self, field: Field, cells: Record) -> Iterator[Json]:
        default = field.dump(field.default) if field.default is not None else None
        value = cells.get(field.name, default)
        others = self.guesser.values(field, value)
        if field.name in cells and not is_needed(field) and value != default:
            yield None
        yield from islice(others, VALUES)

    def _field(self, finding: Finding, values: Iterable[Json]) -> bool | None:
        place = (finding.bound.path, finding.key, finding.field)
        told: bool | None = None
        for value in values:
            changes = self._changes({place: value})
            told = told if changes is None else changes
            if changes:
                break
        return self._keep(finding, told)

    def _keep(self, finding: Finding, told: bool | None) -> bool | None:
        if told:
            self.found.append(finding)
        elif told is None and finding.where not in self.perhaps:
            self.perhaps.append(finding.where)
        return told

    def _records(self, bound: Bound, prefix: str) -> Iterator[tuple[str, dict[str, Json]]]:
        return self.variants.contexts.store.records(self.variants.tree, bound.path, prefix)


def other_facts(value: Any) -> tuple[Any, ...]:
    """Give other values for a fact about the machine."""
    if isinstance(value, str):
        return (f"{value}x", None)
    if isinstance(value, int):
        return (not value if isinstance(value, bool) else value + 1, None)
    return (None, type(value)()) if value else ("x",)
