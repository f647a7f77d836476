"""Atomic files on a real file system, with real faults."""

from __future__ import annotations

import errno
import os
import pathlib

import pytest

from mailstead.errors import MachineError
from mailstead.machine.real import RealMachine
from mailstead.machine.replace import is_temporary
from mailstead.machine.values import Path

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users")


def fail_with(number: int) -> object:
    """Make a function that fails as the system would."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@needs_root
@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_owner_and_mode_are_as_declared_under_any_umask(
    real: RealMachine, root: Path, umask: int
) -> None:
    """The umask neither takes rights away nor leaves any open."""
    before = os.umask(umask)
    try:
        real.replace_file(root / "a", b"x", mode=0o640, uid=0, gid=NOBODY)
        real.make_directory(root / "d", mode=0o2750, uid=NOBODY, gid=NOBODY)
    finally:
        os.umask(before)
    found = [real.stat_file(root / "a"), real.stat_file(root / "d")]
    assert [(item.mode, item.uid, item.gid) for item in found if item] == [
        (0o640, 0, NOBODY),
        (0o2750, NOBODY, NOBODY),
    ]


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("write", errno.ENOSPC),
        ("fsync", errno.EIO),
        ("rename", errno.EACCES),
        ("fchown", errno.EPERM),
    ],
)
def test_no_temporary_file_is_left_by_a_fault(
    real: RealMachine, root: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """The old content stays, and nothing else is in the folder."""
    real.replace_file(root / "a", b"old", mode=0o600, uid=os.geteuid(), gid=os.getegid())
    monkeypatch.setattr(os, call, fail_with(number))
    with pytest.raises(MachineError, match=os.strerror(number).lower()) as caught:
        real.replace_file(root / "a", b"new", mode=0o600, uid=os.geteuid(), gid=os.getegid())
    monkeypatch.undo()
    assert str(root / "a") == caught.value.where
    assert real.list_directory(root) == ("a",)
    assert real.read_file(root / "a") == b"old"


def test_a_secret_is_never_readable_for_a_moment(
    real: RealMachine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the first byte is written the file has its final mode already."""
    modes: list[int] = []
    write = os.write

    def look(file: int, content: bytes) -> int:
        modes.append(os.fstat(file).st_mode & 0o7777)
        return write(file, content[:1])

    monkeypatch.setattr(os, "write", look)
    real.replace_file(root / "a", b"abc", mode=0o400, uid=os.geteuid(), gid=os.getegid())
    assert modes == [0o400] * 3
    assert real.read_file(root / "a") == b"abc"


def test_attributes_of_the_old_file_are_kept(real: RealMachine, root: Path) -> None:
    """What an admin attached to a file stays with the new one."""
    place = pathlib.Path(root / "a")
    place.write_bytes(b"old")
    try:
        os.setxattr(place, "user.note", b"mine")
    except OSError:
        pytest.skip("this file system has no attributes")
    real.replace_file(root / "a", b"new", mode=0o600, uid=os.geteuid(), gid=os.getegid())
    assert os.getxattr(place, "user.note") == b"mine"


@needs_root
def test_a_folder_of_another_users_is_refused(real: RealMachine, root: Path) -> None:
    """Its owner could plant a link while we write."""
    real.make_directory(root / "theirs", mode=0o755, uid=NOBODY, gid=NOBODY)
    with pytest.raises(MachineError, match="can be changed by others"):
        real.replace_file(root / "theirs" / "x", b"", mode=0o600, uid=0, gid=0)


@needs_root
def test_a_hard_link_in_a_users_folder_gets_no_new_owner(real: RealMachine, root: Path) -> None:
    """The link may be to a file of somebody else's."""
    real.make_directory(root / "theirs", mode=0o755, uid=NOBODY, gid=NOBODY)
    pathlib.Path(root / "secret").write_bytes(b"x")
    os.link(root / "secret", root / "theirs" / "x")
    with pytest.raises(MachineError, match="hard links"):
        real.set_owner(root / "theirs" / "x", mode=0o600, uid=NOBODY, gid=NOBODY)


def test_a_long_name_is_written(real: RealMachine, root: Path) -> None:
    """The temporary name is no longer than the system allows."""
    real.replace_file(root / ("n" * 255), b"x", mode=0o600, uid=os.geteuid(), gid=os.getegid())
    assert real.list_directory(root) == ("n" * 255,)


def test_temporary_names_are_known_again() -> None:
    """Recovery sweeps by name; nothing else looks like one."""
    assert is_temporary(".main.cf.mailstead-0123456789abcdef")
    assert not is_temporary("main.cf.mailstead-0123456789abcdef")


def test_a_pipe_in_place_of_a_file_does_not_hang(real: RealMachine, root: Path) -> None:
    """Reading or replacing it is refused at once."""
    os.mkfifo(root / "pipe")
    with pytest.raises(MachineError, match="not a regular file"):
        real.read_file(root / "pipe")
    with pytest.raises(MachineError, match="not a regular file"):
        real.replace_file(root / "pipe", b"", mode=0o600, uid=0, gid=0)


def test_a_loop_of_links_ends(real: RealMachine, root: Path) -> None:
    """Two links that point at each other are an error, not a hang."""
    pathlib.Path(root / "a").symlink_to("b")
    pathlib.Path(root / "b").symlink_to("a")
    with pytest.raises(MachineError, match="too many levels"):
        real.read_file(root / "a")
