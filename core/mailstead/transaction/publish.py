"""Find the published rows a save changes: domains and the like that daemons look up by SQL.

What is published is always the running rows of the enabled modules, so the old rows are known
without reading the database, and the work is in the size of the change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import attrs

from mailstead.context import Context
from mailstead.guard import Deadline, Nonsense, guarded, name_of
from mailstead.module import Publication, RowChange
from mailstead.registry import Registry
from mailstead.settings.cells import Change
from mailstead.settings.keys import split_key
from mailstead.settings.schema import Schema
from mailstead.transaction.changes import Rows

Row = Mapping[str, str | int | None]
Pair = tuple[object, object]


@attrs.frozen
class Publisher:
    """Compares running and draft rows of all publications."""

    registry: Registry
    schema: Schema
    running: Context
    target: Context
    deadline: Deadline

    def rows(self, changes: Iterable[Change]) -> tuple[Rows, ...]:
        """Give the row changes of a save, per module and database."""
        changed: dict[str, set[str]] = {}
        for change in changes:
            changed.setdefault(change.section, set()).add(change.key)
        names = dict.fromkeys((*self.running.enabled, *self.target.enabled))
        found = (self._of(name, item, changed) for name in names for item in self._items(name))
        return tuple(rows for rows in found if rows.changes)

    def _items(self, name: str) -> Collection[Publication]:
        return self.registry.module(name).publications

    def _of(self, name: str, item: Publication, changed: dict[str, set[str]]) -> Rows:
        was, will = self.running.is_enabled(name), self.target.is_enabled(name)
        if was and will:
            keys = sorted(changed.get(self.schema.of(item.section).path, ()))
            pairs = self._between(item, keys)
        elif will:
            pairs = ((None, row) for row in _rows(self.target, item))
        else:
            pairs = ((row, None) for row in _rows(self.running, item))
        found = (self._change(name, item, old, new) for old, new in pairs)
        database = self.target.path(item.database)
        return Rows(name, database, tuple(change for change in found if change is not None))

    def _between(self, item: Publication, keys: Iterable[str]) -> Iterator[Pair]:
        for key in keys:
            parts = split_key(key)
            old = self.running.settings.row(item.section, *parts)
            new = self.target.settings.row(item.section, *parts)
            yield old, new

    def _change(self, name: str, item: Publication, old: object, new: object) -> RowChange | None:
        before, after = self._row(name, item, old), self._row(name, item, new)
        if before == after:
            return None
        known = after if after is not None else before
        assert known is not None  # noqa: S101 - one of them is a row, else they would be equal
        key = {column: known[column] for column in item.key}
        return RowChange(table=item.table, key=key, old=before, new=after)

    def _row(self, name: str, item: Publication, row: object) -> Row | None:
        if row is None:
            return None
        what = f"the row for {item.table}"
        return guarded(self.deadline, name, what, lambda: _checked(item, item.row(row)))


def _rows(context: Context, item: Publication) -> Iterator[object]:
    rows: Iterator[object] = context.settings.rows(item.section)
    return rows


def _checked(item: Publication, row: object) -> Row:
    if not isinstance(row, Mapping):
        raise Nonsense(f"gave {name_of(row)}, not a mapping of columns")
    missing = [column for column in item.key if column not in row]
    if missing:
        raise Nonsense(f"gave a row without its key {', '.join(missing)}")
    for column, value in row.items():
        if not isinstance(column, str) or not isinstance(value, str | int | None):
            raise Nonsense(f"gave {name_of(value)} for the column {column}, not text or a number")
    return dict(row)
