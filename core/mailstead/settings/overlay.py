"""Look at settings as if some cells were others, without writing anything.

What is laid over is as large as what is replaced; the rest is read through, and streams.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from operator import itemgetter

from mailstead.settings.cells import Json, Tree
from mailstead.settings.keys import is_below
from mailstead.settings.view import Reader

Place = tuple[str, str, str]  # section, key, field
Record = dict[str, Json]


class Overlay:
    """A reader with some cells replaced; ``None`` unsets one.

    Sections in ``emptied`` have no records but those that the cells make.
    """

    def __init__(
        self, base: Reader, cells: Mapping[Place, Json], emptied: Collection[str] = ()
    ) -> None:
        self._base = base
        self._emptied = frozenset(emptied)
        self._cells: dict[str, dict[str, Record]] = {}
        for (section, key, field), value in cells.items():
            self._cells.setdefault(section, {}).setdefault(key, {})[field] = value

    def record(self, tree: Tree, section: str, key: str) -> Record:
        """Give the set fields of a form or row."""
        found = {} if section in self._emptied else self._base.record(tree, section, key)
        return self._replaced(section, key, found)

    def records(self, tree: Tree, section: str, prefix: str = "") -> Iterator[tuple[str, Record]]:
        """Stream the records of a section in the order of their keys."""
        below = () if section in self._emptied else self._base.records(tree, section, prefix)
        keys = (key for key in self._cells.get(section, ()) if is_below(key, prefix))
        own: Iterator[tuple[str, Record]] = ((key, {}) for key in sorted(keys))
        merged = heapq.merge(below, own, key=itemgetter(0))
        for key, group in groupby(merged, key=itemgetter(0)):
            found = {field: value for _, record in group for field, value in record.items()}
            if record := self._replaced(section, key, found):
                yield key, record

    def count(self, tree: Tree, section: str) -> int:
        """Count the records of a section; of the replaced ones, each is looked at."""
        is_empty = section in self._emptied
        number = 0 if is_empty else self._base.count(tree, section)
        for key in self._cells.get(section, ()):
            was = not is_empty and bool(self._base.record(tree, section, key))
            number += bool(self.record(tree, section, key)) - was
        return number

    def keys(self, tree: Tree, section: str, field: str) -> Iterator[str]:
        """Stream the keys of records that set a field, in no order."""
        cells = self._cells.get(section, {})
        replaced = {key: record[field] for key, record in cells.items() if field in record}
        yield from (key for key, value in replaced.items() if value is not None)
        if section not in self._emptied:
            below = self._base.keys(tree, section, field)
            yield from (key for key in below if key not in replaced)

    def _replaced(self, section: str, key: str, found: Record) -> Record:
        cells = self._cells.get(section, {}).get(key)
        if not cells:
            return found
        merged = {**found, **cells}
        return {name: merged[name] for name in sorted(merged) if merged[name] is not None}
