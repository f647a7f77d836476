"""The log of what was done to a folder: which inode is meant, and what was true at the time."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from tests.faults.disk_model import Inode, Mark, Snapshot, Step, named
from tests.faults.pictures import Entry, entry

Key = tuple[int, int]


@attrs.frozen
class Place:
    """A name in a folder that is recorded."""

    folder: int
    name: str
    path: Path


class Log:
    """Steps, with the snapshots between them, and the inodes they are about.

    An inode has a number of its own: the system uses its numbers again. One made while the log
    is kept counts as on the disk from the start, where no name leads to it.
    """

    def __init__(self, root: Path, snapshot: Callable[[], Mapping[Path, bytes | None]]) -> None:
        self.root = root.resolve(strict=True)
        self.start: dict[int, Inode] = {}
        self.steps: list[Step] = []
        self._snapshot = snapshot
        self._snapshots: list[dict[Snapshot, None]] = [{}]
        self._numbers: dict[Key, int] = {}
        self._scan(self.root)
        self.look()

    @property
    def snapshots(self) -> list[tuple[Snapshot, ...]]:
        """Give the snapshots of each point."""
        return [tuple(found) for found in self._snapshots]

    def look(self) -> None:
        """Take a snapshot for this point, if it is another."""
        found = self._snapshot()
        given = [(str(Path(path).relative_to(self.root)), found[path]) for path in found]
        self._snapshots[-1][tuple(sorted(given, key=lambda item: item[0]))] = None

    def take(self, step: Step) -> None:
        """Write down a step."""
        self.look()
        self.steps.append(step)
        self._snapshots.append({})
        self.look()

    def mark(self, told: str) -> None:
        """Write down a moment."""
        self.take(Mark(told))

    def born(self, place: Place, told: str) -> None:
        """Write down an inode that was made just now."""
        self.take(named(place.folder, told, {place.name: self._add(place.path)}))

    def forget(self, found: os.stat_result | None) -> None:
        """Let the system use an inode again whose only name is gone."""
        if found is not None and (found.st_nlink == 1 or stat.S_ISDIR(found.st_mode)):
            self._numbers.pop((found.st_dev, found.st_ino), None)

    def place(self, path: Any, folder: int | None) -> Place | None:
        """Find what a call names; ``None`` when it is not in the root."""
        parent, name = os.path.split(os.fsdecode(path))
        base = f"/proc/self/fd/{folder}" if folder is not None else "."
        try:
            real = Path(base, parent).resolve(strict=True)
        except OSError:
            return None  # the call will fail
        number = self._number(real)
        return None if number is None else Place(number, name, real / name)

    def inode_of(self, place: Place) -> int | None:
        """Give the inode at a place, seen before or not; ``None`` when nothing is there."""
        return self._number(place.path) if os.path.lexists(place.path) else None

    def opened(self, file: int) -> int | None:
        """Give the inode of an open file; ``None`` when it is not in the root."""
        found = os.fstat(file)
        number = self._numbers.get((found.st_dev, found.st_ino))
        path = self.path_of(file)
        if number is None and path.exists():
            return self._number(path)
        return number

    def path_of(self, file: int) -> Path:
        """Give the path of an open file."""
        return Path(f"/proc/self/fd/{file}").readlink()

    def told(self, verb: str, file: int) -> str:
        """Name what is done to an open file."""
        return f"{verb} {self.path_of(file).name}"

    def _number(self, path: Path) -> int | None:
        """Give the number of an inode by its real path; one that others made is added."""
        if not path.is_relative_to(self.root):
            return None
        found = path.lstat()
        number = self._numbers.get((found.st_dev, found.st_ino))
        if number is not None:
            return number
        return self._adopt(path)

    def _adopt(self, path: Path) -> int | None:
        """Take what others made as if it had been there, synced, from the start."""
        parent = self._number(path.parent)
        number = self._scan(path)
        if parent is not None and number is not None:
            names = {**self.start[parent].names, path.name: number}
            self.start[parent] = attrs.evolve(self.start[parent], names=names)
        return number

    def _scan(self, path: Path) -> int | None:
        """Add what stands at a path, with all in it; pipes, sockets and devices are not."""
        found = path.lstat()
        known = self._numbers.get((found.st_dev, found.st_ino))
        if known is not None:
            return known
        number = self._add(path)
        if number is not None and stat.S_ISDIR(found.st_mode):
            children = {child.name: self._scan(child) for child in sorted(path.iterdir())}
            names = {name: child for name, child in children.items() if child is not None}
            self.start[number] = attrs.evolve(self.start[number], names=names)
        return number

    def _add(self, path: Path) -> int | None:
        found, seen, number = path.lstat(), entry_at(path), len(self.start)
        if seen is None:
            return None
        self._numbers[found.st_dev, found.st_ino] = number
        self.start[number] = Inode(seen)
        return number


def entry_at(path: Path) -> Entry | None:
    """Look at what stands at a path; ``None`` for pipes, sockets and devices."""
    found = entry(path)
    known = found.kind in ("file", "directory", "link")
    return attrs.evolve(found, names=1) if known else None
