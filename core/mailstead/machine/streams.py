"""Files that are read and written piece by piece: what is too large for memory.

A file that is written gets its name when it is whole; see `mailstead.machine.replace`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mailstead.errors import MachineError
from mailstead.machine.files import OPEN_FILE, own
from mailstead.machine.folders import parent_of, refusals, require_trusted, sync_folder
from mailstead.machine.handles import ReadStream, WriteStream
from mailstead.machine.replace import temporary_name
from mailstead.machine.values import Path

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FileReader:
    """An open file that is read."""

    def __init__(self, file: int, path: Path) -> None:
        self._file = file
        self._path = path
        self.size = os.fstat(file).st_size

    def read(self, size: int) -> bytes:
        """Read so many bytes; fewer only at the end."""
        pieces: list[bytes] = []
        with refusals(self._path):
            while size and (piece := os.read(self._file, size)):
                pieces.append(piece)
                size -= len(piece)
        return b"".join(pieces)

    def seek(self, offset: int) -> None:
        """Go on reading from there."""
        with refusals(self._path):
            os.lseek(self._file, offset, os.SEEK_SET)


class FileWriter:
    """An open file that is written."""

    def __init__(self, file: int, path: Path) -> None:
        self._file = file
        self._path = path
        self._size = 0

    def write(self, data: bytes) -> int:
        """Add bytes at the end."""
        self.rewrite(self._size, data)
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        """Give the bytes written so far."""
        return self._size

    def rewrite(self, offset: int, data: bytes) -> None:
        """Write over what was written before."""
        rest = memoryview(data)
        with refusals(self._path):
            while rest:
                written = os.pwrite(self._file, rest, offset)
                rest, offset = rest[written:], offset + written

    def cut(self, size: int) -> None:
        """Drop what was written after the first bytes."""
        with refusals(self._path):
            os.ftruncate(self._file, size)
        self._size = size


@contextmanager
def read_stream(path: Path) -> Iterator[ReadStream]:
    """Open a regular file for reading."""
    with refusals(path, missing=True), parent_of(path, follow=True) as (folder, name):
        file = os.open(name, os.O_RDONLY | OPEN_FILE, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise MachineError("is not a regular file", where=str(path))
        yield FileReader(file, path)
    finally:
        os.close(file)


@contextmanager
def replace_stream(path: Path, *, mode: int, uid: int, gid: int) -> Iterator[WriteStream]:
    """Write a whole file atomically and durably."""
    with refusals(path), parent_of(path) as (folder, name):
        require_trusted(folder, path)
        _refuse_other_kind(folder, name, path)
        with temporary_in(folder, name) as (file, temporary):
            own(file, mode=mode, uid=uid, gid=gid)
            yield FileWriter(file, path)
            os.fsync(file)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        sync_folder(folder)


@contextmanager
def add_stream(
    path: Path, *, mode: int, uid: int, gid: int, modified: float
) -> Iterator[WriteStream]:
    """Write a new file; what stands there by then stays.

    It is durable before it has its name, so that after a power failure it is whole or not there;
    the name is not synced by itself, which for thousands of messages halves the time.

    The folder may belong to another: every folder on the way is held open, and the file is given
    away through its own descriptor, so that nobody leads us elsewhere.
    """
    with (
        refusals(path),
        parent_of(path) as (folder, name),
        temporary_in(folder, name) as (file, temporary),
    ):
        own(file, mode=mode, uid=uid, gid=gid)
        yield FileWriter(file, path)
        os.utime(file, (modified, modified))
        os.fsync(file)
        with suppress(FileExistsError):
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        os.unlink(temporary, dir_fd=folder)


@contextmanager
def temporary_in(folder: int, name: str) -> Iterator[tuple[int, str]]:
    """Make a file under a temporary name, 0600; an error removes it."""
    temporary = temporary_name(name)
    file = os.open(temporary, _CREATE, 0o600, dir_fd=folder)
    try:
        yield file, temporary
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    finally:
        os.close(file)


def _refuse_other_kind(folder: int, name: str, path: Path) -> None:
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            hint = "move it away, or choose another name"
            raise MachineError(
                "is not a regular file and is left alone", where=str(path), hint=hint
            )
