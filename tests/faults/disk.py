"""Power loss without pulling plugs: record what is done to a folder, then lose what may be lost.

::

    with Recorder(root) as recording:
        save()
    for state in recording.crash_states():
        state.materialise(empty_folder)
        recover_and_check(empty_folder)

A state is possible after ``state.point`` steps and up to ``state.until``: whatever was told to be
done by then must be in it (``len(recording.steps)`` is the number of steps at any moment). A
check that needs no real files compares ``state.entries()`` with a `picture`: much quicker.

Calls of the `os` module are seen, as the machine room makes them; each is done for real too.
What is written otherwise (by SQLite, by commands, by ``open``) is not: give a ``snapshot`` that
reads those files, and ``mark`` the moments between calls that matter. Calls that would change
the folder in a way the model does not know are refused.
"""

from __future__ import annotations

import os
import shutil  # noqa: F401 -- it looks at what os can do when it is first imported
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.faults.disk_log import Log, entry_at
from tests.faults.disk_model import (
    CrashState,
    Step,
    Sync,
    crash_states,
    named,
    resized,
    turned,
    written,
)

__all__ = ["CrashState", "Recorder", "sqlite_files"]

DEPTH = 7
METADATA = ["fchmod", "fchown", "removexattr", "setxattr"]
UNKNOWN = [
    "chmod", "chown", "fdatasync", "lchown", "link", "mkfifo", "mknod", "pwritev", "symlink",
    "truncate", "writev",
]  # fmt: skip
Call = Callable[..., Any]


def sqlite_files(*databases: Path) -> Callable[[], Mapping[Path, bytes | None]]:
    """Make a snapshot of databases with their logs; a log's index does not survive."""
    files = [Path(f"{path}{end}") for path in databases for end in ("", "-wal", "-journal")]
    return lambda: {path: path.read_bytes() if path.exists() else None for path in files}


class Recorder:
    """What is done to a folder while this context is entered.

    Args:
        root: the folder; what is in it now is taken for synced.
        snapshot: gives files below ``root`` that are written otherwise; ``None`` is no file.
    """

    def __init__(
        self, root: Path, *, snapshot: Callable[[], Mapping[Path, bytes | None]] = dict
    ) -> None:
        self._log = Log(root, snapshot)
        self._patches = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        watched: dict[str, Call] = {
            "open": self._open,
            "mkdir": self._mkdir,
            "unlink": self._remove,
            "remove": self._remove,
            "rmdir": self._remove,
            "rename": self._rename,
            "replace": self._rename,
            "write": self._write,
            "pwrite": self._write,
            "ftruncate": self._resize,
            "fsync": self._sync,
            **dict.fromkeys(METADATA, self._turn),
            **dict.fromkeys(UNKNOWN, self._refuse),
        }
        for name, method in watched.items():
            self._patch(name, method)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._log.look()
        self._patches.undo()

    @property
    def steps(self) -> list[Step]:
        """Give what was done so far."""
        return self._log.steps

    def mark(self, told: str) -> None:
        """Make this moment a point of its own, with a snapshot."""
        self._log.mark(told)

    def crash_states(self, *, depth: int = DEPTH) -> Iterator[CrashState]:
        """Give every different state of the disk after power loss at any point.

        Any choice of the last ``depth`` changes that were not synced is kept, with all and
        with none of the earlier.
        """
        return crash_states(self._log.start, self._log.steps, self._log.snapshots, depth=depth)

    def _patch(self, name: str, method: Call) -> None:
        call = getattr(os, name)
        self._patches.setattr(os, name, lambda *args, **more: method(call, *args, **more))

    def _open(
        self, call: Call, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None
    ) -> int:
        may_change = flags & (os.O_CREAT | os.O_TRUNC)
        place = self._log.place(path, dir_fd) if may_change else None
        old = self._log.inode_of(place) if place is not None else None
        file: int = call(path, flags, mode, dir_fd=dir_fd)
        if place is not None and old is None:
            self._log.born(place, f"create {place.name}")
        elif place is not None and old is not None and flags & os.O_TRUNC:
            self._log.take(resized(old, f"empty {place.name}", 0))
        return file

    def _mkdir(
        self, call: Call, path: Any, mode: int = 0o777, *, dir_fd: int | None = None
    ) -> None:
        place = self._log.place(path, dir_fd)
        call(path, mode, dir_fd=dir_fd)
        if place is not None:
            self._log.born(place, f"make folder {place.name}")

    def _remove(self, call: Call, path: Any, *, dir_fd: int | None = None) -> None:
        place, old = self._log.place(path, dir_fd), _stat(path, dir_fd)
        call(path, dir_fd=dir_fd)
        if place is not None:
            self._log.forget(old)
            self._log.take(named(place.folder, f"remove {place.name}", {place.name: None}))

    def _rename(
        self,
        call: Call,
        source: Any,
        goal: Any,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
    ) -> None:
        old, new = self._log.place(source, src_dir_fd), self._log.place(goal, dst_dir_fd)
        replaced = _stat(goal, dst_dir_fd)
        inode = self._log.inode_of(old) if old is not None else None
        call(source, goal, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        if old is None or new is None or old.folder != new.folder:
            assert old is new, "the recorder does not know a rename from folder to folder"
            return
        self._log.forget(replaced)
        told = f"rename {old.name} to {new.name}"
        self._log.take(named(old.folder, told, {old.name: None, new.name: inode}))

    def _write(self, call: Call, file: int, data: Any, *at: int) -> int:
        count: int = call(file, data, *at)
        inode = self._log.opened(file)
        if inode is not None:
            begin = at[0] if at else os.lseek(file, 0, os.SEEK_CUR) - count
            told = self._log.told("write", file)
            self._log.take(written(inode, told, begin, bytes(data)[:count]))
        return count

    def _resize(self, call: Call, file: int, size: int) -> None:
        call(file, size)
        inode = self._log.opened(file)
        if inode is not None:
            self._log.take(resized(inode, self._log.told("resize", file), size))

    def _sync(self, call: Call, file: int) -> None:
        call(file)
        inode = self._log.opened(file)
        if inode is not None:
            self._log.take(Sync(inode, self._log.told("sync", file)))

    def _turn(self, call: Call, file: int, *args: Any) -> None:
        if not isinstance(file, int):
            self._refuse(call, file, *args)
            return
        call(file, *args)
        inode = self._log.opened(file)
        now = None if inode is None else entry_at(self._log.path_of(file))
        if inode is not None and now is not None:
            self._log.take(turned(inode, self._log.told(call.__name__, file), now))

    def _refuse(self, call: Call, *args: Any, **more: Any) -> Any:
        """Do it elsewhere; here the model would be wrong from then on."""
        files = [self._log.opened(args[0])] if isinstance(args[0], int) else []
        paths = [each for each in args if isinstance(each, str | os.PathLike)]
        places = [self._log.place(each, more.get("dir_fd")) for each in paths]
        assert {None} >= {*files, *places}, f"the recorder does not know os.{call.__name__}"
        return call(*args, **more)


def _stat(path: Any, folder: int | None) -> os.stat_result | None:
    with suppress(OSError):
        return os.stat(path, dir_fd=folder, follow_symlinks=False)
    return None
