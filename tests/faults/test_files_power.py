"""Power is lost at any moment of what the machine room does to files (case 7 of the faults)."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import attrs
import pytest

from mailstead.machine import replace
from mailstead.machine.attributes import ACL
from mailstead.machine.real import RealMachine
from mailstead.machine.replace import is_temporary
from mailstead.machine.values import Path
from tests.core.machine.conftest import has_attributes
from tests.core.machine.lists import acl
from tests.faults.disk import CrashState, Recorder
from tests.faults.pictures import Entry, picture

MACHINE = RealMachine()
UID, GID = os.geteuid(), os.getegid()
LEFT = ".a.mailstead-0123456789abcdef"
Do = Callable[[Path], object]
Picture = dict[str, Entry]


def put(name: str, content: bytes = b"new\n", mode: int = 0o640) -> Do:
    """Replace or make a file."""
    return lambda root: MACHINE.replace_file(root / name, content, mode=mode, uid=UID, gid=GID)


def listed(root: Path) -> None:
    """Replace a file by one with a list of its own."""
    given = {ACL: acl(0o640, named=4, mask=4)} if has_attributes(root.parent) else {}
    MACHINE.replace_file(root / "a", b"new\n", mode=0o640, uid=UID, gid=GID, attributes=given)


def remove(name: str) -> Do:
    """Remove a file."""
    return lambda root: MACHINE.remove_file(root / name)


def folder(name: str, mode: int) -> Do:
    """Make a folder, or set its mode."""
    return lambda root: MACHINE.make_directory(root / name, mode=mode, uid=UID, gid=GID)


def own(root: Path) -> None:
    """Set the mode of a file."""
    MACHINE.set_owner(root / "a", mode=0o604, uid=UID, gid=GID)


def sweep(root: Path) -> None:
    """Sweep temporary files."""
    MACHINE.sweep(root)


WORK: dict[str, list[Do]] = {
    "a file is replaced": [put("a")],
    "a file is made": [put("b")],
    "a file is made long": [put("b", bytes(range(256)) * 99)],
    "a file gets a list": [listed],
    "a file is removed": [remove("a")],
    "a file is removed twice": [remove("a"), remove("a")],
    "a file gets a mode": [own],
    "a folder is made": [folder("d", 0o2750)],
    "a folder is made plain": [folder("d", 0o700)],
    "a folder gets a mode": [folder("old", 0o711)],
    "a file is made in a new folder": [folder("d", 0o755), put("d/x")],
    "two files are replaced": [put("a"), put("a", b"newer\n", 0o600), put("old/x")],
    "a file is undone": [put("a"), put("a", b"old\n", 0o644), put("b"), remove("b")],
    "temporary files are swept": [sweep, put("a")],
}


@attrs.frozen
class Check:
    """What was recorded: the folder after each thing done, and at which point that was."""

    recording: Recorder
    pictures: list[Picture]
    points: list[int]

    def wrong(self, *, since: int = 0) -> list[CrashState]:
        """Give the states that are neither before nor after, or forget what was done."""
        states = (state for state in self.recording.crash_states() if state.until >= since)
        return [state for state in states if not self._is_right(state, since)]

    def _is_right(self, state: CrashState, since: int) -> bool:
        found = without_temporary(state.entries())
        points = range(max(since, state.point), state.until + 1)
        return all(found in self._allowed(point) for point in points)

    def _allowed(self, point: int) -> list[Picture]:
        """Give what may be there: what was done last, and what is being done.

        A new folder is shut until it has its mode.
        """
        done = sum(point >= end for end in self.points)
        before, *after = self.pictures[done : done + 2]
        return [before, *after, *(shut(before, each) for each in after)]


def shut(before: Picture, after: Picture) -> Picture:
    """Give a picture with its new folders as they are made."""
    return {
        name: attrs.evolve(entry, mode=0o700)
        if entry.kind == "directory" and name not in before
        else entry
        for name, entry in after.items()
    }


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a folder with a file, a folder and what a crash left."""
    place = tmp_path / "root"
    (place / "old").mkdir(parents=True)
    (place / "old/x").write_bytes(b"theirs\n")
    (place / "a").write_bytes(b"old\n")
    (place / "a").chmod(0o644)
    (place / LEFT).write_bytes(b"part of")
    return place


def record(root: pathlib.Path, work: list[Do]) -> Check:
    """Do things one by one."""
    pictures, points = [without_temporary(picture(root))], []
    with Recorder(root) as recording:
        for do in work:
            do(Path(root))
            pictures.append(without_temporary(picture(root)))
            points.append(len(recording.steps))
    return Check(recording, pictures, points)


def without_temporary(found: Picture) -> Picture:
    """Take our temporary files away, as recovery does."""
    return {name: entry for name, entry in found.items() if not is_temporary(Path(name).name)}


@pytest.mark.parametrize("name", WORK)
def test_after_power_loss_it_is_done_or_not_begun(root: pathlib.Path, name: str) -> None:
    """At every point, whatever of the unsynced is lost: old or new, whole; and new once told."""
    check = record(root, WORK[name])
    assert [] == check.wrong()
    assert len(check.recording.steps) > 1


@contextmanager
def without_sync(is_meant: Callable[[pathlib.Path], bool]) -> Iterator[None]:
    """Let fsync do nothing for some files; the recorder sees none either."""
    fsync = os.fsync

    def sync(file: int) -> None:
        if not is_meant(pathlib.Path(f"/proc/self/fd/{file}").resolve()):
            fsync(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", sync)
        yield


def carelessly(is_meant: Callable[[pathlib.Path], bool], do: Do) -> Do:
    """Do something without some syncs."""

    def done(root: Path) -> None:
        with without_sync(is_meant):
            do(root)

    return done


@pytest.mark.parametrize(
    ("do", "symptom"), [(put("a"), b""), (put("a", b"x" * 9), b""), (put("b"), b"")]
)
def test_a_file_that_is_not_synced_is_caught(root: pathlib.Path, do: Do, symptom: bytes) -> None:
    """The recorder shows the empty file that power loss would leave."""
    check = record(root, [carelessly(pathlib.Path.is_file, do)])
    wrong = check.wrong()
    assert symptom in {state.read(name) for state in wrong for name in ("a", "b")}
    assert any("write" in told for state in wrong for told in state.lost)


@pytest.mark.parametrize("do", [put("a"), put("b"), remove("a"), folder("d", 0o700)])
def test_a_folder_that_is_not_synced_is_caught(root: pathlib.Path, do: Do) -> None:
    """What was told to be done is gone again."""
    check = record(root, [carelessly(pathlib.Path.is_dir, do)])
    wrong = check.wrong()
    assert wrong
    assert all(state.until == len(check.recording.steps) for state in wrong)


@pytest.mark.parametrize("do", [own, folder("old", 0o711), folder("d", 0o2750)])
def test_an_owner_that_is_not_synced_is_caught(root: pathlib.Path, do: Do) -> None:
    """Neither a file's nor a folder's own is kept by what is above it."""
    check = record(root, [carelessly(lambda path: path != root, do)])
    assert check.wrong()


def test_content_after_the_rename_is_caught(
    root: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is written in place is part old and part new for a while."""

    def in_place(folder: int, name: str, content: bytes, *_: object, **__: object) -> None:
        file = os.open(name, os.O_WRONLY | os.O_CREAT, 0o640, dir_fd=folder)
        os.write(file, content[:2])
        os.write(file, content[2:])
        os.fsync(file)
        os.close(file)

    monkeypatch.setattr(replace, "_swap_in", in_place)
    check = record(root, [put("a", b"new one\n", 0o644)])
    assert {b"ne", b"ned\n", b"new one\n", b"olw one\n"} & {
        state.read("a") for state in check.wrong()
    }


def kill_at_sync(root: pathlib.Path, do: Do) -> None:
    """Begin something; be killed when it would sync."""

    def killed(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(os, "fsync", killed)
        do(Path(root))


@pytest.mark.parametrize("do", [put("a"), remove("a"), folder("d", 0o755), own])
def test_what_was_killed_before_its_sync_is_made_sure_later(root: pathlib.Path, do: Do) -> None:
    """Recovery does it again, finds it done, and still syncs: the next power loss keeps it."""
    with Recorder(root) as recording:
        kill_at_sync(root, do)
        do(Path(root))
    after = without_temporary(picture(root))
    check = Check(recording, [after], [])
    assert [] == check.wrong(since=len(recording.steps))


def test_what_was_swept_does_not_come_back(root: pathlib.Path) -> None:
    """Also when the first sweep was killed before its sync."""
    with Recorder(root) as recording:
        kill_at_sync(root, sweep)
        sweep(Path(root))
    end = len(recording.steps)
    states = [state for state in recording.crash_states() if state.until == end]
    assert states
    assert [] == [state for state in states if LEFT in state.entries()]
