"""A disk that is full or breaks while a file is written (cases 9 and 10 of the faults)."""

from __future__ import annotations

import errno
import os
import pathlib
from collections.abc import Iterator
from contextlib import suppress

import pytest

from mailstead.errors import MachineError
from mailstead.machine.real import RealMachine
from mailstead.machine.replace import is_temporary
from mailstead.machine.values import Path
from tests.faults.pictures import picture
from tests.faults.places import ext4, fill, memory, needs_root

MACHINE = RealMachine()
UID, GID = os.geteuid(), os.getegid()
DISK = 8 << 20
BIG = bytes(2 * DISK)
STEPS = ["open", "fchown", "setxattr", "fchmod", "write", "fsync", "close", "rename"]


class Failing:
    """An os call that fails when it is for our temporary file; ``met`` counts how often."""

    def __init__(self, name: str, number: int) -> None:
        self.call = getattr(os, name)
        self.error = OSError(number, os.strerror(number))
        self.is_close = name == "close"
        self.met = 0

    def __call__(self, subject: int | str, *args: object, **more: object) -> object:
        """Fail, or do what is asked."""
        if not is_temporary(name_of(subject)):
            return self.call(subject, *args, **more)
        self.met += 1
        if self.is_close:  # close(2) gives the descriptor back even when it fails
            self.call(subject)
        raise self.error


def name_of(subject: int | str) -> str:
    """Give the name of an open file, or of a path."""
    if isinstance(subject, int):
        with suppress(OSError):
            return pathlib.Path(f"/proc/self/fd/{subject}").readlink().name
    return pathlib.Path(str(subject)).name


def plant(folder: pathlib.Path) -> pathlib.Path:
    """Put a file in a folder with all that can be lost: content, mode, an attribute."""
    path = folder / "main.cf"
    path.write_bytes(b"old\n")
    path.chmod(0o640)
    with suppress(OSError):
        os.setxattr(path, "user.note", b"mine")
    return path


def replace(path: pathlib.Path, content: bytes = b"new\n") -> None:
    """Replace a file."""
    MACHINE.replace_file(Path(path), content, mode=0o604, uid=UID, gid=GID)


def refuse(path: pathlib.Path, content: bytes, number: int) -> MachineError:
    """Replace in vain: the message has the reason, the file and a way out; nothing changed."""
    before = picture(path.parent)
    with pytest.raises(MachineError, match=os.strerror(number).lower()) as caught:
        replace(path, content)
    assert caught.value.where == str(path)
    assert before == picture(path.parent)
    return caught.value


@pytest.fixture
def target(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a file to be replaced."""
    return plant(tmp_path)


@pytest.fixture(params=["memory", "ext4"])
def small(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Give a file to be replaced on a small disk."""
    place = tmp_path / "disk"
    disk = (
        memory(place, f"size={DISK}")
        if request.param == "memory"
        else ext4(place, tmp_path / "image", DISK)
    )
    with disk as folder:
        yield plant(folder)


@needs_root
def test_a_file_that_does_not_fit_leaves_the_old_one(small: pathlib.Path) -> None:
    """Its first blocks did fit; they are given back."""
    assert "free some space" in refuse(small, BIG, errno.ENOSPC).hint
    replace(small, bytes(1 << 20))
    assert small.stat().st_size == 1 << 20


@needs_root
def test_a_full_disk_lets_files_go(small: pathlib.Path) -> None:
    """Nothing new is written, and what is removed makes room."""
    fill(small.parent / "filler")
    before = picture(small.parent)
    with pytest.raises(MachineError, match="no space left"):
        MACHINE.write_scratch(Path(small.parent / "scratch"), BIG)
    assert before == picture(small.parent)
    MACHINE.remove_file(Path(small.parent / "filler"))
    MACHINE.remove_file(Path(small))
    assert {".", "lost+found"} >= {*picture(small.parent)}


@needs_root
def test_a_disk_out_of_inodes_is_told_from_a_full_one(tmp_path: pathlib.Path) -> None:
    """There is space, so the message says what else may be used up."""
    with memory(tmp_path / "disk", "size=1m,nr_inodes=8") as place:
        path = plant(place)
        with suppress(OSError):
            for number in range(8):
                (place / str(number)).touch()
        assert "df -i" in refuse(path, b"new\n", errno.ENOSPC).hint
        with pytest.raises(MachineError, match="no space left"):
            MACHINE.make_directory(Path(place / "d"), mode=0o700, uid=0, gid=0)
        (place / "0").unlink()
        replace(path)
        assert path.read_bytes() == b"new\n"


@needs_root
def test_a_disk_that_fails_below_is_not_believed(tmp_path: pathlib.Path) -> None:
    """The system takes the content and only fsync tells that it never arrived."""
    with (
        memory(tmp_path / "below", f"size={DISK // 2}") as below,
        ext4(tmp_path / "disk", below / "image", DISK, "-O", "^has_journal") as place,
    ):
        path = plant(place)
        os.sync()
        fill(below / "filler")
        before = picture(place)
        with pytest.raises(MachineError, match=r"input/output error|no space left"):
            replace(path, bytes(DISK // 2))
        assert before == picture(place)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("step", STEPS)
def test_a_failure_of_any_step_leaves_the_old_file(
    target: pathlib.Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    """It is not tried again: after a failed fsync the next one would tell nothing."""
    if step == "setxattr" and not os.listxattr(target):
        pytest.skip("this file system has no attributes")
    failing = Failing(step, number)
    monkeypatch.setattr(os, step, failing)
    assert refuse(target, b"new\n", number).hint
    assert failing.met == 1


def test_a_folder_that_is_not_synced_is_a_failure(
    target: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new file stands whole, but it is not acknowledged; the old one can be put back."""
    before, fsync = picture(target.parent), os.fsync

    def fail(file: int) -> None:
        if pathlib.Path(f"/proc/self/fd/{file}").resolve().is_dir():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(file)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(MachineError, match="input/output"):
        replace(target)
    monkeypatch.undo()
    assert [target] == list(target.parent.iterdir())
    assert target.read_bytes() == b"new\n"
    MACHINE.replace_file(Path(target), b"old\n", mode=0o640, uid=UID, gid=GID)
    assert before == picture(target.parent)
