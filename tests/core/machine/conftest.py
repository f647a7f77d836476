"""Machines to test: the real one in a temporary folder, and the fake one."""

from __future__ import annotations

import errno
import os
import pathlib
import signal
from collections.abc import Callable

import attrs
import pytest

from mailstead.machine.base import Machine
from mailstead.machine.fake import FakeMachine
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path


@attrs.frozen
class World:
    """A machine, a folder in it, and ways to put things there behind its back."""

    machine: Machine
    root: Path
    uid: int
    gid: int
    folder: Callable[..., None]
    link: Callable[[Path, str], None]
    end: Callable[[int], None]

    def write(self, path: Path, content: bytes = b"new", mode: int = 0o600) -> None:
        """Replace a file as our own user."""
        self.machine.replace_file(path, content, mode=mode, uid=self.uid, gid=self.gid)


@pytest.fixture
def real() -> RealMachine:
    """Give the real machine."""
    return RealMachine()


@pytest.fixture
def fake() -> FakeMachine:
    """Give a fake machine."""
    return FakeMachine()


@pytest.fixture
def root(tmp_path: pathlib.Path) -> Path:
    """Give a temporary folder as the port wants it."""
    return Path(tmp_path)


def has_attributes(folder: Path) -> bool:
    """Tell whether the file system knows attributes and access control lists."""
    place = pathlib.Path(folder) / "attributes"
    place.touch()
    try:
        os.setxattr(place, "user.note", b"")
        os.getxattr(place, "system.posix_acl_access")
    except OSError as error:
        return error.errno == errno.ENODATA
    finally:
        place.unlink()
    return True


@pytest.fixture(params=["real", "fake"])
def world(request: pytest.FixtureRequest, root: Path) -> World:
    """Give each kind of machine in turn."""
    return _real_world(root) if request.param == "real" else _fake_world(root)


def _real_world(root: Path) -> World:
    def folder(path: Path, mode: int = 0o755) -> None:
        pathlib.Path(path).mkdir()
        pathlib.Path(path).chmod(mode)

    def link(path: Path, target: str) -> None:
        pathlib.Path(path).symlink_to(target)

    def end(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    return World(RealMachine(), root, os.geteuid(), os.getegid(), folder, link, end)


def _fake_world(root: Path) -> World:
    machine = FakeMachine()
    machine.add_directory(root)

    def folder(path: Path, mode: int = 0o755) -> None:
        machine.add_directory(path, mode=mode)

    return World(machine, root, 0, 0, folder, machine.add_link, machine.kill)
