"""The recorder of power loss: it tells what happened, and it sees what goes wrong."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path as MachinePath
from tests.core.machine.conftest import has_attributes
from tests.faults.disk import CrashState, Recorder, sqlite_files
from tests.faults.pictures import picture

ME = {"uid": os.geteuid(), "gid": os.getegid()}
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a folder with a file in it."""
    place = tmp_path / "root"
    place.mkdir()
    (place / "a").write_bytes(b"old")
    return place


def write(path: Path, *blocks: bytes, sync: bool) -> None:
    """Make a file of several writes."""
    file = os.open(path, NEW, 0o600)
    for block in blocks:
        os.write(file, block)
    if sync:
        os.fsync(file)
    os.close(file)


def sync(folder: Path) -> None:
    """Sync a folder."""
    file = os.open(folder, os.O_RDONLY)
    os.fsync(file)
    os.close(file)


def contents(recording: Recorder, name: str) -> set[bytes | None]:
    """Give what a file may be after power loss at any point."""
    return {state.read(name) for state in recording.crash_states()}


def last(recording: Recorder) -> list[CrashState]:
    """Give the states that are possible after the last step."""
    return [state for state in recording.crash_states() if state.until == len(recording.steps)]


def test_a_file_that_is_not_synced_may_be_empty(root: Path) -> None:
    """The classic: the name was kept, the content was not."""
    with Recorder(root) as recording:
        write(root / "t", b"new", sync=False)
        (root / "t").rename(root / "a")
        sync(root)
    assert {b"old", b"", b"new"} == contents(recording, "a")
    assert {b"", b"new"} == {state.read("a") for state in last(recording)}


def test_a_name_that_is_not_synced_may_be_gone(root: Path) -> None:
    """The content was kept, but no name leads to it."""
    with Recorder(root) as recording:
        write(root / "b", b"new", sync=True)
    assert {None, b"new"} == {state.read("b") for state in last(recording)}
    assert {None, b"", b"new"} == contents(recording, "b")


def test_what_was_synced_is_kept(root: Path) -> None:
    """The right way: file, rename, folder."""
    with Recorder(root) as recording:
        write(root / "t", b"new", sync=True)
        (root / "t").rename(root / "a")
        sync(root)
    assert {b"old", b"new"} == contents(recording, "a")
    assert {(b"new", None)} == {(state.read("a"), state.read("t")) for state in last(recording)}


def test_writes_are_kept_in_any_order(root: Path) -> None:
    """A later block without an earlier one leaves a hole."""
    with Recorder(root) as recording:
        write(root / "b", b"one", b"two", sync=False)
    assert {None, b"", b"one", b"\0\0\0two", b"onetwo"} == contents(recording, "b")


def test_a_removal_that_is_not_synced_may_be_undone(root: Path) -> None:
    """Also when something else took the name since."""
    with Recorder(root) as recording:
        (root / "a").unlink()
        write(root / "a", b"new", sync=True)
    assert {b"old", b"new", None, b""} == contents(recording, "a")
    assert b"" not in {state.read("a") for state in last(recording)}


def test_what_is_in_a_lost_folder_is_lost(root: Path) -> None:
    """Syncing a folder does not sync its own name."""
    with Recorder(root) as recording:
        (root / "d").mkdir()
        write(root / "d/x", b"new", sync=True)
        sync(root / "d")
    assert {None, b"new"} == {state.read("d/x") for state in last(recording)}


def test_the_last_state_is_what_is_there(root: Path) -> None:
    """Nothing lost is the folder as it is: owner, mode, attributes, names."""
    machine = RealMachine()
    (root / "link").symlink_to("a")
    (root / "gone").mkdir()
    (root / "gone/x").touch()
    note = {"user.note": b"x"} if has_attributes(MachinePath(root)) else {}
    with Recorder(root) as recording:
        machine.replace_file(MachinePath(root / "a"), b"new", mode=0o604, **ME, attributes=note)
        machine.make_directory(MachinePath(root / "d"), mode=0o2750, **ME)
        machine.write_scratch(MachinePath(root / "d/x"), b"some")
        machine.remove_tree(MachinePath(root / "gone"))
        with machine.lock(MachinePath(root / "lock")):
            machine.set_owner(MachinePath(root / "d/x"), mode=0o400, **ME)
    whole = [state for state in last(recording) if not state.lost]
    assert len(whole) == 1
    whole[0].materialise(root.parent / "copy")
    assert picture(root) == picture(root.parent / "copy")
    assert len(recording.steps) > 20


def test_the_first_state_is_what_was_there(root: Path) -> None:
    """Everything lost is the folder as it was."""
    (root / "d").mkdir(mode=0o711)
    (root / "d/link").symlink_to("../a")
    before = picture(root)
    with Recorder(root) as recording:
        write(root / "d/x", b"new", sync=True)
        (root / "a").unlink()
    for number, state in enumerate(last(recording)):
        state.materialise(root.parent / str(number))
    assert before in [picture(root.parent / str(number)) for number in range(number + 1)]


def test_a_number_of_the_system_is_used_again(root: Path) -> None:
    """A new file that gets the inode of a removed one is another file."""
    with Recorder(root) as recording:
        for name in ("b", "c", "d"):
            write(root / name, name.encode(), sync=True)
            sync(root)
            (root / name).unlink()
    assert {None, b"", b"d"} == contents(recording, "d")
    assert {None} == {state.read("c") for state in last(recording) if not state.lost}


def test_what_others_make_is_taken_as_it_is(root: Path) -> None:
    """Commands are not seen; what they made is there when it is renamed or removed."""
    script = "mkdir d; echo -n one >d/x; echo -n two >d/y"
    with Recorder(root) as recording:
        subprocess.run(["sh", "-c", script], cwd=root, check=True)
        (root / "d/x").rename(root / "d/z")
        (root / "d/y").unlink()
    found = [(state.read("d/x"), state.read("d/y"), state.read("d/z")) for state in last(recording)]
    assert (None, None, b"one") in found
    assert (b"one", b"two", None) in found


def test_what_is_elsewhere_is_not_recorded(root: Path) -> None:
    """Only the folder counts."""
    with Recorder(root) as recording:
        write(root.parent / "elsewhere", b"x", sync=True)
        (root.parent / "elsewhere").chmod(0o600)
        (root.parent / "elsewhere").rename(root.parent / "there")
        (root.parent / "there").unlink()
    assert [] == recording.steps


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a").chmod(0o600),
        lambda root: (root / "b").symlink_to("a"),
        lambda root: os.link(root / "a", root / "b"),
        lambda root: os.truncate(root / "a", 0),
        lambda root: os.setxattr(root / "a", "user.note", b""),
        lambda root: (root / "a").rename(root / "d/a"),
        lambda root: (root / "a").rename(root.parent / "a"),
    ],
)
def test_what_the_model_does_not_know_is_refused(
    root: Path, change: Callable[[Path], object]
) -> None:
    """Better no answer than a wrong one."""
    (root / "d").mkdir()
    with Recorder(root), pytest.raises(AssertionError, match="does not know"):
        change(root)


def test_the_system_is_put_back(root: Path) -> None:
    """Also after an error."""
    before = dict(vars(os))
    with pytest.raises(KeyError), Recorder(root):
        raise KeyError
    assert before == vars(os)


def test_databases_are_as_they_were_at_each_point(root: Path) -> None:
    """Each state has the rows that were committed by then, and not those to come."""
    database = root / "store.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as store:
        store.execute("PRAGMA journal_mode = WAL")
        store.execute("CREATE TABLE step (number)")
        with Recorder(root, snapshot=sqlite_files(database)) as recording:
            for number in range(3):
                store.execute("INSERT INTO step VALUES (?)", [number])
                write(root / f"file{number}", b"x", sync=True)
                sync(root)
            store.execute("INSERT INTO step VALUES (3)")
            recording.mark("committed")
            store.execute("INSERT INTO step VALUES (4)")
        found: dict[int, set[int]] = {}
        for number, state in enumerate(recording.crash_states()):
            state.materialise(root.parent / str(number))
            with closing(sqlite3.connect(root.parent / str(number) / "store.db")) as copy:
                rows = copy.execute("SELECT count(*) FROM step").fetchone()[0]
            files = sum(f"file{each}" in state.entries() for each in range(3))
            found.setdefault(rows, set()).add(files)
    assert {1: {0, 1}, 2: {1, 2}, 3: {2, 3}, 4: {3}, 5: {3}, 0: {0}} == found


def test_the_same_state_is_given_once(root: Path) -> None:
    """The figure counts states, not points."""
    with Recorder(root) as recording:
        for _ in range(5):
            sync(root)
    assert len(recording.steps) == 5
    assert len(list(recording.crash_states())) == 1


def test_many_changes_are_bounded(root: Path) -> None:
    """The last are lost in every way, the earlier all or none."""
    with Recorder(root) as recording:
        write(root / "b", *[b"x"] * 30, sync=False)
    assert len(list(recording.crash_states(depth=3))) < 31 * 18
    assert {None, b"", b"x" * 30} <= contents(recording, "b")


def test_what_is_gone_for_good_is_not_lost_in_many_ways(root: Path) -> None:
    """Nobody can see what becomes of files in a folder whose removal is sure."""
    (root / "d").mkdir()
    with Recorder(root) as recording:
        write(root / "d/x", b"one", b"two", sync=False)
        (root / "d/x").unlink()
        (root / "d").rmdir()
        sync(root)
    assert [()] == [state.lost for state in last(recording)]
