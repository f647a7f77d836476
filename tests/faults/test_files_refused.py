"""Files the system will not let go: immutable, read-only, denied (case 19 of the faults)."""

from __future__ import annotations

import errno
import os
import pathlib
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from mailstead.errors import MachineError
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path
from tests.faults.pictures import picture
from tests.faults.places import flagged, needs_root, read_only

pytestmark = needs_root
MACHINE = RealMachine()
NAMES = ["file", "folder"]


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a folder with a file, a folder and one of our temporary files."""
    place = tmp_path / "etc"
    (place / "folder").mkdir(parents=True)
    (place / "file").write_bytes(b"old\n")
    (place / ".file.mailstead-0123456789abcdef").touch()
    return place


def replace(folder: Path) -> None:
    """Replace the file."""
    MACHINE.replace_file(folder / "file", b"new\n", mode=0o640, uid=0, gid=0)


CHANGES: dict[str, Callable[[Path], object]] = {
    "replace": replace,
    "remove": lambda folder: MACHINE.remove_file(folder / "file"),
    "own": lambda folder: MACHINE.set_owner(folder / "file", mode=0o600, uid=1, gid=1),
    "create": lambda folder: MACHINE.replace_file(folder / "x", b"", mode=0o600, uid=0, gid=0),
    "scratch": lambda folder: MACHINE.write_scratch(folder / "x", b"new\n"),
    "append": lambda folder: MACHINE.append_file(folder / "x", b"new\n"),
    "make": lambda folder: MACHINE.make_directory(folder / "x", mode=0o700, uid=0, gid=0),
    "turn": lambda folder: MACHINE.make_directory(folder / "folder", mode=0o700, uid=1, gid=1),
    "tree": lambda folder: MACHINE.remove_tree(folder / "folder"),
    "sweep": MACHINE.sweep,
    "lock": lambda folder: MACHINE.lock(folder / "x").__enter__(),
    "detach": lambda folder: MACHINE.detach(["/bin/true"], log=folder / "x"),
}
OF_FILE = ["replace", "remove", "own"]
OF_FOLDER = [name for name in CHANGES if name not in ("own", "turn")]


def refuse(folder: pathlib.Path, change: str, words: str, hint: str) -> None:
    """Change in vain: the message names place and cause, and nothing is different after."""
    before = picture(folder)
    with pytest.raises(MachineError, match=words) as caught:
        CHANGES[change](Path(folder))
    assert before == picture(folder)
    assert caught.value.where.startswith(str(folder))
    assert hint in caught.value.hint


@pytest.mark.parametrize("flag", ["i", "a"])
@pytest.mark.parametrize("change", OF_FILE)
def test_an_immutable_file_stays(folder: pathlib.Path, change: str, flag: str) -> None:
    """The message names chattr's flag, which neither ls nor the mode shows."""
    with flagged(folder / "file", flag):
        refuse(folder, change, "operation not permitted", "lsattr")
    replace(Path(folder))
    assert (folder / "file").read_bytes() == b"new\n"


@pytest.mark.parametrize("change", OF_FOLDER)
def test_an_immutable_folder_stays(folder: pathlib.Path, change: str) -> None:
    """Names can neither come nor go."""
    with ExitStack() as stack:
        stack.enter_context(flagged(folder, "i"))
        if change == "tree":
            stack.enter_context(flagged(folder / "folder", "i"))
        refuse(folder, change, "operation not permitted", "lsattr")


@pytest.mark.parametrize("change", CHANGES)
def test_a_read_only_mount_stays(folder: pathlib.Path, change: str) -> None:
    """The message says that it is the mount."""
    with read_only(folder):
        refuse(folder, change, "read-only file system", "mounted read-only")


def test_what_is_read_only_can_be_looked_at(folder: pathlib.Path) -> None:
    """A plan is made of questions alone."""
    with read_only(folder):
        assert MACHINE.read_file(Path(folder / "file")) == b"old\n"
        assert MACHINE.read_attributes(Path(folder / "file")) == {}
        assert MACHINE.stat_file(Path(folder / "x")) is None


@pytest.mark.parametrize("step", ["open", "fchown", "fchmod", "rename"])
def test_a_denial_is_told_as_one(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Root is told "permission denied" by AppArmor and SELinux alone."""
    call = getattr(os, step)

    def deny(*args: object, **more: object) -> object:
        is_creation = step != "open" or len(args) > 2
        if is_creation:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return call(*args, **more)

    monkeypatch.setattr(os, step, deny)
    refuse(folder, "replace", "permission denied", "AppArmor or SELinux")
