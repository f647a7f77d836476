"""What a disk may hold after power was lost: of all that was done, only what was synced is sure.

The model is that of POSIX, which is harsher than any file system in use: fsync of a file keeps
its content, owner, mode and attributes; fsync of a folder keeps the names in it; all else may
be kept or lost, each change for itself and in any order. See fsync(2), and for what file
systems really do: Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from tests.faults.pictures import Entry

ROOT = 0
Snapshot = tuple[tuple[str, bytes | None], ...]


@attrs.frozen
class Inode:
    """A file, folder or link without its name, and the names in a folder."""

    entry: Entry
    names: Mapping[str, int] = attrs.field(factory=dict[str, int])

    def filled(self, content: bytes) -> Inode:
        """Give the same with another content."""
        return attrs.evolve(self, entry=attrs.evolve(self.entry, content=content))


Disk = dict[int, Inode]


@attrs.frozen
class Change:
    """One thing done to one inode; it is sure once that inode is synced.

    A change of ``names`` in a folder gives what they lead to.
    """

    inode: int
    told: str
    make: Callable[[Inode], Inode]
    names: Mapping[str, int | None] | None = None


@attrs.frozen
class Sync:
    """All changes so far of one inode are sure from now on."""

    inode: int
    told: str


@attrs.frozen
class Mark:
    """A moment between the others."""

    told: str


Step = Change | Sync | Mark


def written(inode: int, told: str, at: int, data: bytes) -> Change:
    """Write bytes somewhere; a hole before them is zeroes."""

    def make(old: Inode) -> Inode:
        content = old.entry.content
        before = content[:at].ljust(at, b"\0")
        return old.filled(before + data + content[at + len(data) :])

    return Change(inode, told, make)


def resized(inode: int, told: str, size: int) -> Change:
    """Cut a file or let it grow."""
    return Change(inode, told, lambda old: old.filled(old.entry.content[:size].ljust(size, b"\0")))


def turned(inode: int, told: str, now: Entry) -> Change:
    """Change owner, mode or attributes; a disk keeps them in one place."""

    def make(old: Inode) -> Inode:
        return attrs.evolve(old, entry=attrs.evolve(now, content=old.entry.content))

    return Change(inode, told, make)


def named(folder: int, told: str, names: Mapping[str, int | None]) -> Change:
    """Give names in a folder to inodes, or to nothing; all at once."""

    def make(old: Inode) -> Inode:
        merged = {**old.names, **names}
        kept = {name: inode for name, inode in merged.items() if inode is not None}
        return attrs.evolve(old, names=kept)

    return Change(folder, told, make, names)


@attrs.frozen
class CrashState:
    """One way the disk may be when power comes back.

    Attributes:
        point: how many steps were taken; ``until`` how many may have been, with no difference.
        after: the last of them.
        lost: those that were taken and are not on the disk.
        inodes: the disk; ``ROOT`` is the folder that was recorded.
        snapshot: files that were written otherwise, as they were at that moment.
    """

    point: int
    until: int
    after: str
    lost: tuple[str, ...]
    inodes: Mapping[int, Inode] = attrs.field(repr=False)
    snapshot: Snapshot = attrs.field(repr=False, default=())

    def entries(self) -> dict[str, Entry]:
        """Give what can be reached, by name below the root, as `picture` gives it."""
        found = dict(self._below(ROOT, ""))
        for name, content in self.snapshot:
            old = found.get(name, Entry("file", 0o600, os.geteuid(), os.getegid()))
            if content is None:
                found.pop(name, None)
            elif str(Path(name).parent) in found:
                found[name] = attrs.evolve(old, content=content)
        return dict(sorted(found.items()))

    def read(self, name: str) -> bytes | None:
        """Give the content of a file; ``None`` when there is none."""
        found = self.entries().get(name)
        return found.content if found else None

    def materialise(self, folder: Path) -> None:
        """Make the state real in a folder that is empty or does not exist."""
        entries = self.entries()
        for name, entry in entries.items():
            _put(folder / name, entry)
        for name, entry in reversed(entries.items()):
            if entry.kind != "link":
                _dress(folder / name, entry)

    def _below(self, number: int, name: str) -> Iterator[tuple[str, Entry]]:
        inode = self.inodes[number]
        yield name or ".", inode.entry
        for each, child in inode.names.items():
            yield from self._below(child, f"{name}/{each}" if name else each)


def crash_states(
    start: Disk,
    steps: Sequence[Step],
    snapshots: Sequence[Sequence[Snapshot]],
    *,
    depth: int,
) -> Iterator[CrashState]:
    """Give the different states of the disk at all points: before, between and after steps."""
    moments = list(_moments(start, steps))
    spans: dict[tuple[int, frozenset[int], Snapshot], list[int]] = {}
    for point, moment in enumerate(moments):
        for kept in _choices(moment.unsure, depth):
            for snapshot in snapshots[point]:
                span = spans.setdefault((moment.syncs, kept, snapshot), [point, point])
                span[1] = point
    for (_, kept, snapshot), (point, until) in spans.items():
        unsure = moments[point].unsure
        yield CrashState(
            point=point,
            until=until,
            after=steps[point - 1].told if point else "nothing",
            lost=tuple(change.told for each, change in unsure.items() if each not in kept),
            inodes=_disk(moments[point].sure, [unsure[each] for each in sorted(kept)]),
            snapshot=snapshot,
        )


@attrs.frozen
class _Moment:
    """A point: what is sure then, after how many syncs, and which changes are not."""

    sure: Disk
    syncs: int
    unsure: dict[int, Change]

    def follow(self, number: int, step: Step) -> _Moment:
        """Give the moment after a step."""
        if isinstance(step, Change):
            return attrs.evolve(self, unsure={**self.unsure, number: step})
        inode = step.inode if isinstance(step, Sync) else None
        done = [change for change in self.unsure.values() if change.inode == inode]
        if not done:
            return self
        sure = _disk(self.sure, done)
        left = {each: change for each, change in self.unsure.items() if change.inode != inode}
        return _Moment(sure, self.syncs + 1, _that_matter(sure, left))


def _moments(start: Disk, steps: Sequence[Step]) -> Iterator[_Moment]:
    now = _Moment(start, 0, {})
    yield now
    for number, step in enumerate(steps):
        now = now.follow(number, step)
        yield now


def _that_matter(sure: Disk, unsure: dict[int, Change]) -> dict[int, Change]:
    """Leave out changes of what no name can lead to any more: files of a folder that is gone."""
    ahead, reached = [ROOT], {ROOT}
    while ahead:
        inode = ahead.pop()
        changes = [change.names for change in unsure.values() if change.inode == inode]
        for names in (sure[inode].names, *changes):
            found = {each for each in (names or {}).values() if each is not None} - reached
            reached |= found
            ahead += found
    return {each: change for each, change in unsure.items() if change.inode in reached}


def _disk(sure: Disk, changes: Iterable[Change]) -> Disk:
    disk = dict(sure)
    for change in changes:
        disk[change.inode] = change.make(disk[change.inode])
    return disk


def _choices(unsure: Mapping[int, Change], depth: int) -> Iterator[frozenset[int]]:
    """Choose what is kept: any of the last changes, each with all and none of the earlier.

    Then names without what they name, and the other way round.
    """
    numbers = list(unsure)
    earlier, last = numbers[:-depth], numbers[-depth:]
    for flags in itertools.product((False, True), repeat=len(last)):
        some = frozenset(itertools.compress(last, flags))
        yield some
        yield some.union(earlier)
    names = frozenset(each for each, change in unsure.items() if change.names is not None)
    yield names
    yield frozenset(numbers) - names


def _put(path: Path, entry: Entry) -> None:
    if entry.kind == "directory":
        path.mkdir(exist_ok=True)
    elif entry.kind == "link":
        path.symlink_to(os.fsdecode(entry.content))
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
    else:
        path.write_bytes(entry.content)


def _dress(path: Path, entry: Entry) -> None:
    """Give owner, attributes and mode; to a folder after what is in it."""
    os.chown(path, entry.uid, entry.gid)
    for key, value in entry.attributes:
        os.setxattr(path, key, value)
    path.chmod(entry.mode)
