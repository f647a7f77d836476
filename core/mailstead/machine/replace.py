"""Writing a whole file so that readers see the old content or the new, never a part.

Owner, attributes and mode are on the temporary file before its first byte, so a secret is
never readable for a moment and the umask does not matter. See rename(2), fsync(2), acl(5).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from mailstead.errors import MachineError
from mailstead.machine.attributes import attributes_in, set_attributes
from mailstead.machine.files import OPEN_FILE
from mailstead.machine.folders import parent_of, refusals, require_trusted, sync_folder
from mailstead.machine.values import Path

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | OPEN_FILE
_TEMPORARY = re.compile(r"\..+\.mailstead-[0-9a-f]{16}")
_LONGEST_STEM = 200


def is_temporary(name: str) -> bool:
    """Tell whether a name is one of our temporary files (left by a crash, to be swept)."""
    return _TEMPORARY.fullmatch(name) is not None


def temporary_name(name: str) -> str:
    """Give a temporary name, never used before, for a file that will have a name."""
    return f".{name[:_LONGEST_STEM]}.mailstead-{os.urandom(8).hex()}"


def replace_file(
    path: Path,
    content: bytes,
    *,
    mode: int,
    uid: int,
    gid: int,
    attributes: Mapping[str, bytes] | None = None,
) -> None:
    """Write a file atomically and durably."""
    with refusals(path), parent_of(path) as (folder, name):
        require_trusted(folder, path)
        old = _attributes_of_old(folder, name, path)
        wanted = old if attributes is None else attributes
        _swap_in(folder, name, content, wanted, mode=mode, uid=uid, gid=gid)
        sync_folder(folder)


def sweep(folder: Path) -> tuple[str, ...]:
    """Remove our temporary files from a folder; durable.

    Not while another replaces a file there: whoever sweeps holds the lock.
    """
    with refusals(folder), suppress(FileNotFoundError), parent_of(folder / "x") as (place, _):
        swept = tuple(name for name in _files_in(place) if is_temporary(name))
        for name in swept:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=place)
        sync_folder(place)
        return swept
    return ()


def write_scratch(path: Path, content: bytes) -> None:
    """Write a new file without making it durable, dated 1970."""
    with refusals(path), parent_of(path) as (folder, name):
        require_trusted(folder, path)
        file = os.open(name, _CREATE, 0o600, dir_fd=folder)
        with _removed_on_failure(folder, name):
            try:
                _write_all(file, content)
                os.utime(file, (0, 0))
            finally:
                os.close(file)


def append_file(path: Path, content: bytes) -> None:
    """Add to a file without making it durable."""
    with refusals(path), parent_of(path) as (folder, name):
        require_trusted(folder, path)
        file = os.open(name, _APPEND, 0o600, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise MachineError("is not a regular file and is left alone", where=str(path))
            _write_all(file, content)
        finally:
            os.close(file)


def _swap_in(
    folder: int,
    name: str,
    content: bytes,
    attributes: Mapping[str, bytes] | None,
    *,
    mode: int,
    uid: int,
    gid: int,
) -> None:
    temporary = temporary_name(name)
    file = os.open(temporary, _CREATE, 0o600, dir_fd=folder)
    with _removed_on_failure(folder, temporary):
        try:
            os.fchown(file, uid, gid)
            if attributes is not None:
                set_attributes(file, attributes, mode=mode)
            os.fchmod(file, mode)
            _write_all(file, content)
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


@contextmanager
def _removed_on_failure(folder: int, name: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def _attributes_of_old(folder: int, name: str, path: Path) -> dict[str, bytes] | None:
    """Read what an admin may have added to the file that goes; ``None`` when none does."""
    with suppress(FileNotFoundError):
        return attributes_in(folder, name, path)
    return None


def _files_in(folder: int) -> list[str]:
    """Give the names of regular files in a folder, sorted."""
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        with os.scandir(readable) as entries:
            return sorted(item.name for item in entries if item.is_file(follow_symlinks=False))
    finally:
        os.close(readable)
