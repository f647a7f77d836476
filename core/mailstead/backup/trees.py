"""Trees of files, such as mailboxes: read while they are in use, restored by adding.

What stands there already is never overwritten or removed. What is no file or folder is passed
over; a file that went away meanwhile was not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress

import attrs

from mailstead.backup.declared import Declared
from mailstead.backup.flow import PIECE, Nothing, Sink
from mailstead.backup.headers import END, Header, header_bytes, padding
from mailstead.errors import ArchiveError, MachineError
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.machine.values import FileState, Path

DEEPEST = 100


@attrs.define
class Tally:
    """What went into a part so far."""

    files: int = 0
    unpacked: int = 0
    passed_over: list[str] = attrs.field(factory=list)


@attrs.define
class Added:
    """What came of restoring trees: files added and there already, and those of no module."""

    added: int = 0
    kept: int = 0
    left_out: int = 0


def walk(machine: Machine, root: Path, depth: int = 0) -> Iterator[tuple[str, FileState]]:
    """Give everything below a folder, by its path from there; no link is followed.

    The order is that of the paths' parts. Raises MachineError when folders are nested without end.
    """
    if depth > DEEPEST:
        raise MachineError("folders are nested too deep", where=str(root))
    for name in machine.list_directory(root):
        state = machine.stat_file(root / name)
        if state is None:
            continue
        yield name, state
        if state.kind == "directory":
            for below, found in walk(machine, root / name, depth + 1):
                yield f"{name}/{below}", found


def tree_pieces(
    machine: Machine, instance: Instance, trees: Mapping[str, Declared], tally: Tally
) -> Iterator[bytes]:
    """Give trees as a tar, piece by piece."""
    for path, item in sorted(trees.items(), key=lambda pair: pair[0].split("/")):
        root = instance.path(path)
        for name, state in walk(machine, root):
            full = f"{path}/{name}"
            if state.kind in ("link", "other"):
                tally.passed_over.append(full)
            elif state.kind == "directory" or item.backup.known_by(name) is not None:
                with suppress(FileNotFoundError):
                    yield from _member(machine, root / name, full, state, tally)
    yield END


def _member(
    machine: Machine, path: Path, full: str, state: FileState, tally: Tally
) -> Iterator[bytes]:
    owner, group = machine.owner_names(state.uid, state.gid)
    folder = Header(full.lstrip("/"), 0, "folder", state.mode, int(state.modified), owner, group)
    if state.kind == "directory":
        tally.files += 1
        yield header_bytes(folder)
        return
    with machine.read_stream(path) as stream:
        tally.files += 1
        yield header_bytes(attrs.evolve(folder, kind="file", size=stream.size))
        left = stream.size
        while left and (piece := stream.read(min(left, PIECE))):
            left -= len(piece)
            yield piece
        # A file that was made shorter while it was read is filled up, as tar does.
        yield bytes(left) + padding(stream.size)


@attrs.frozen
class TreeRestorer:
    """Adds the files of an archive that are missing; see `Backup.known_by` for what is the same."""

    machine: Machine
    instance: Instance
    trees: Mapping[str, Declared]
    result: Added = attrs.field(factory=Added)
    _present: dict[str, set[str]] = attrs.field(factory=dict)

    def take(self, header: Header) -> AbstractContextManager[Sink]:
        """Give where a member goes. Raises MachineError."""
        path = f"/{header.name}"
        root = next((root for root in self.trees if path.startswith(f"{root}/")), None)
        if root is None:
            self.result.left_out += 1
            return nullcontext(Nothing())
        if header.kind == "folder":
            self._make_folder(path, header)
            return nullcontext(Nothing())
        return self._file(root, path, header)

    def _file(self, root: str, path: str, header: Header) -> AbstractContextManager[Sink]:
        known_by = self.trees[root].backup.known_by(path.removeprefix(f"{root}/"))
        if known_by is None or known_by in self._known(root):
            self.result.kept += 1
            return nullcontext(Nothing())
        uid, gid = self._owner(header)
        self.result.added += 1
        return self.machine.add_stream(
            self.instance.path(path), mode=header.mode, uid=uid, gid=gid, modified=header.modified
        )

    def _make_folder(self, path: str, header: Header) -> None:
        real = self.instance.path(path)
        found = self.machine.stat_file(real)
        if found is None:
            uid, gid = self._owner(header)
            self.machine.make_directory(real, mode=header.mode, uid=uid, gid=gid)
        elif found.kind != "directory":
            raise MachineError(f"a {found.kind} stands there, not a folder", where=path)

    def _owner(self, header: Header) -> tuple[int, int]:
        user, group = self.machine.user(header.owner), self.machine.group(header.group)
        if user is None or group is None:
            who = f"{header.owner or '?'}:{header.group or '?'}"
            raise ArchiveError(f"the system has no owner {who}", where=header.name)
        return user[0], group

    def _known(self, root: str) -> set[str]:
        """Give by what the files are known that stood there before the first was added."""
        if root not in self._present:
            known_by = self.trees[root].backup.known_by
            found = walk(self.machine, self.instance.path(root))
            names = (known_by(name) for name, state in found if state.kind != "directory")
            self._present[root] = {name for name in names if name is not None}
        return self._present[root]
