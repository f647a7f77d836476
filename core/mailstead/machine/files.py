"""Looking at files and folders, and everything done to them but writing content.

Nothing here follows a link at the path itself, except reading, which follows trusted ones.
What is found done already is made durable all the same: who did it may have been killed
before that.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Literal

from mailstead.errors import MachineError
from mailstead.machine.folders import (
    folder_is_trusted,
    parent_of,
    refusal,
    refusals,
    sync_folder,
)
from mailstead.machine.values import FileState, Path

OPEN_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 1 << 20

Kind = Literal["file", "directory", "link", "other"]


def read_file(path: Path, *, limit: int) -> bytes:
    """Read a regular file of at most ``limit`` bytes."""
    with refusals(path, missing=True), parent_of(path, follow=True) as (folder, name):
        return _read_in(folder, name, path, limit)


def stat_file(path: Path) -> FileState | None:
    """Tell what stands at a path."""
    try:
        with parent_of(path) as (folder, name):
            return state_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise refusal(path, error) from error


def read_link(path: Path) -> str | None:
    """Give what a symbolic link says."""
    try:
        with parent_of(path) as (folder, name):
            return os.readlink(name, dir_fd=folder)
    except OSError as error:
        # EINVAL: readlink(2) of what is no link.
        if isinstance(error, FileNotFoundError | NotADirectoryError) or error.errno == errno.EINVAL:
            return None
        raise refusal(path, error) from error


def list_directory(path: Path) -> tuple[str, ...]:
    """List the names in a folder."""
    try:
        with parent_of(path, follow=True) as (parent, name):
            return _names_in(parent, name)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise refusal(path, error) from error


def remove_file(path: Path) -> None:
    """Remove a file or link; durable."""
    with refusals(path), suppress(FileNotFoundError), parent_of(path) as (folder, name):
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        sync_folder(folder)


def remove_tree(path: Path) -> None:
    """Remove a folder and all in it; durable."""
    import shutil

    with refusals(path), suppress(FileNotFoundError), parent_of(path) as (folder, name):
        with suppress(FileNotFoundError):
            _require_folder(folder, name)
            shutil.rmtree(name, dir_fd=folder)
        sync_folder(folder)


def make_directory(path: Path, *, mode: int, uid: int, gid: int) -> None:
    """Make a folder, or set owner and mode of one; durable."""
    with refusals(path), parent_of(path) as (parent, name):
        made = _make_in(parent, name)
        folder = os.open(name, OPEN_FOLDER, dir_fd=parent)
        try:
            if not (made and _is_owned(folder, mode=mode, uid=uid, gid=gid)):
                _own_durably(folder, mode=mode, uid=uid, gid=gid)
        finally:
            os.close(folder)
        sync_folder(parent)


def set_owner(path: Path, *, mode: int, uid: int, gid: int) -> None:
    """Set owner and mode of a regular file; durable."""
    with refusals(path), parent_of(path) as (folder, name):
        file = os.open(name, os.O_RDONLY | OPEN_FILE, dir_fd=folder)
        try:
            _require_only_name(file, folder, path)
            _own_durably(file, mode=mode, uid=uid, gid=gid)
        finally:
            os.close(file)


def free_space(path: Path) -> int:
    """Give the bytes free to us where a path would be."""
    for place in (path, *path.parents):
        with refusals(path), suppress(FileNotFoundError, NotADirectoryError):
            found = os.statvfs(place)
            return found.f_bavail * found.f_frsize
    raise MachineError("no file system holds it", where=str(path))


def state_of(found: os.stat_result) -> FileState:
    """Give the port's word for what stat found."""
    return FileState(
        kind=_kind(found.st_mode),
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        size=found.st_size,
        modified=found.st_mtime,
    )


def own(file: int, *, mode: int, uid: int, gid: int) -> None:
    """Set owner, then mode (a change of owner clears the special bits)."""
    os.fchown(file, uid, gid)
    os.fchmod(file, mode)


def _own_durably(file: int, *, mode: int, uid: int, gid: int) -> None:
    own(file, mode=mode, uid=uid, gid=gid)
    os.fsync(file)


def _is_owned(file: int, *, mode: int, uid: int, gid: int) -> bool:
    found = os.fstat(file)
    return (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (mode, uid, gid)


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"


def _read_in(folder: int, name: str, path: Path, limit: int) -> bytes:
    file = os.open(name, os.O_RDONLY | OPEN_FILE, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise MachineError("is not a regular file", where=str(path))
        return _read_all(file, path, limit)
    finally:
        os.close(file)


def _read_all(file: int, path: Path, limit: int) -> bytes:
    content = bytearray()
    while block := os.read(file, min(_BLOCK, limit + 1 - len(content))):
        content += block
        if len(content) > limit:
            raise MachineError(f"is larger than {limit} bytes", where=str(path))
    return bytes(content)


def _names_in(parent: int, name: str) -> tuple[str, ...]:
    folder = os.open(name, OPEN_FOLDER, dir_fd=parent)
    try:
        return tuple(sorted(os.listdir(folder)))  # noqa: PTH208 -- of an open folder
    finally:
        os.close(folder)


def _make_in(parent: int, name: str) -> bool:
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=parent)
        return True
    return False


def _require_folder(parent: int, name: str) -> None:
    """Refuse what rmtree would open without looking: a pipe would let it wait for ever."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def _require_only_name(file: int, folder: int, path: Path) -> None:
    """Refuse what is no file, and a hard link that a user may have made to someone's file."""
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise MachineError("is not a regular file", where=str(path))
    if found.st_nlink > 1 and not folder_is_trusted(folder):
        raise MachineError("has other names (hard links) that others can make", where=str(path))
