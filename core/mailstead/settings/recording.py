"""Note which settings are read, so that it is known what something can depend on."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from mailstead.settings.cells import Json, Tree
from mailstead.settings.keys import SEPARATOR
from mailstead.settings.view import Reader


@attrs.define
class Reads:
    """What was asked for.

    Attributes:
        records: section and key of each form or row, also of rows that were not there.
        ranges: section and key prefix of each streamed or counted part of a table.
    """

    records: set[tuple[str, str]] = attrs.field(factory=set)
    ranges: set[tuple[str, str]] = attrs.field(factory=set)

    def covers(self, section: str, key: str) -> bool:
        """Tell whether a record, or a part of a table that holds it, was asked for."""
        return (section, key) in self.records or any(
            (section, prefix) in self.ranges for prefix in _prefixes(key)
        )

    def forget(self) -> None:
        """Forget what was asked for until now."""
        self.records.clear()
        self.ranges.clear()


class Recorder:
    """A reader that passes everything on and notes it."""

    def __init__(self, base: Reader, reads: Reads) -> None:
        self._base = base
        self._reads = reads

    def record(self, tree: Tree, section: str, key: str) -> dict[str, Json]:
        """Give the set fields of a form or row."""
        self._reads.records.add((section, key))
        return self._base.record(tree, section, key)

    def records(
        self, tree: Tree, section: str, prefix: str = ""
    ) -> Iterator[tuple[str, dict[str, Json]]]:
        """Stream the records of a section."""
        self._reads.ranges.add((section, prefix))
        return self._base.records(tree, section, prefix)

    def count(self, tree: Tree, section: str) -> int:
        """Count the records of a section."""
        self._reads.ranges.add((section, ""))
        return self._base.count(tree, section)

    def keys(self, tree: Tree, section: str, field: str) -> Iterator[str]:
        """Stream the keys of records that set a field."""
        self._reads.ranges.add((section, ""))
        return self._base.keys(tree, section, field)


def _prefixes(key: str) -> Iterator[str]:
    yield ""
    parts = key.split(SEPARATOR)
    for number in range(1, len(parts) + 1):
        yield SEPARATOR.join(parts[:number])
