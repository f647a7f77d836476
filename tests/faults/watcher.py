"""Other users who try to open our temporary file after every step of the system."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import attrs
import pytest

from mailstead.machine.replace import is_temporary

OWNER, GROUP = 65501, 65502
NAMED, STRANGER = 65503, 65504
STEPS = [
    "close", "fchmod", "fchown", "fsync", "open", "removexattr", "rename", "setxattr", "write",
]  # fmt: skip
WAYS = {"read": os.O_RDONLY, "write": os.O_WRONLY}
_open, _close = os.open, os.close


@attrs.frozen
class Person:
    """A user who is neither root nor the file's owner."""

    uid: int
    gid: int


PEOPLE = (Person(STRANGER, GROUP), Person(NAMED, NAMED), Person(STRANGER, STRANGER))


class Watcher:
    """Everybody at the door of a folder.

    Attributes:
        opened: who got hold of a temporary file at any moment, and the way.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = _open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.opened: dict[tuple[Person, str], int] = {}
        self.patches = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        for name in STEPS:
            self.patches.setattr(os, name, self._watched(getattr(os, name)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.patches.undo()

    def close(self) -> None:
        """Let go of all files."""
        for file in (*self.opened.values(), self.folder):
            _close(file)

    def who_can(self, name: str) -> set[tuple[Person, str]]:
        """Tell who can open a file now, and the way."""
        found = {(who, way): _try(who, WAYS[way], name, self.folder) for who, way in EACH}
        for file in found.values():
            if file is not None:
                _close(file)
        return {key for key, file in found.items() if file is not None}

    def read(self) -> list[bytes]:
        """Give what everybody reads now from what they got hold of."""
        files = [file for (_, way), file in self.opened.items() if way == "read"]
        return [os.pread(file, 1 << 16, 0) for file in files]

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **more: Any) -> Any:
            try:
                return call(*args, **more)
            finally:
                self._look()

        return watched

    def _look(self) -> None:
        names = os.listdir(self.folder)  # noqa: PTH208 -- of an open folder
        for name in filter(is_temporary, names):
            for who, way in EACH:
                file = _try(who, WAYS[way], name, self.folder)
                if file is not None and (who, way) in self.opened:
                    _close(file)
                elif file is not None:
                    self.opened[who, way] = file


EACH = [(who, way) for who in PEOPLE for way in WAYS]


def _try(who: Person, flags: int, name: str, folder: int) -> int | None:
    with _as(who):
        try:
            return _open(name, flags | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            return None


@contextmanager
def _as(who: Person) -> Iterator[None]:
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(who.gid)
    os.seteuid(who.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
