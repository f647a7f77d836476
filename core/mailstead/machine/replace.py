"""Writing a whole file so that readers see the old content or the new, never a part.

Owner and mode are on the temporary file before its first byte, so a secret is never readable
for a moment and the umask does not matter. See rename(2), fsync(2), acl(5).
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress

from mailstead.errors import MachineError
from mailstead.machine.base import Path
from mailstead.machine.files import OPEN_FILE, own
from mailstead.machine.folders import parent_of, refusals, require_trusted, sync_folder

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TEMPORARY = re.compile(r"\..+\.mailstead-[0-9a-f]{16}")
_LONGEST_STEM = 200


def is_temporary(name: str) -> bool:
    """Tell whether a name is one of our temporary files (left by a crash, to be swept)."""
    return _TEMPORARY.fullmatch(name) is not None


def replace_file(path: Path, content: bytes, *, mode: int, uid: int, gid: int) -> None:
    """Write a file atomically and durably."""
    with refusals(path), parent_of(path) as (folder, name):
        require_trusted(folder, path)
        attributes = _attributes_of_old(folder, name, path)
        _swap_in(folder, name, content, attributes, mode=mode, uid=uid, gid=gid)
        sync_folder(folder)


def write_scratch(path: Path, content: bytes) -> None:
    """Write a new file without making it durable, dated 1970."""
    with refusals(path), parent_of(path) as (folder, name):
        require_trusted(folder, path)
        file = os.open(name, _CREATE, 0o600, dir_fd=folder)
        try:
            _write_all(file, content)
            os.utime(file, (0, 0))
        finally:
            os.close(file)


def _swap_in(
    folder: int,
    name: str,
    content: bytes,
    attributes: dict[str, bytes],
    *,
    mode: int,
    uid: int,
    gid: int,
) -> None:
    temporary = f".{name[:_LONGEST_STEM]}.mailstead-{os.urandom(8).hex()}"
    file = os.open(temporary, _CREATE, 0o600, dir_fd=folder)
    try:
        try:
            _set_attributes(file, attributes)
            own(file, mode=mode, uid=uid, gid=gid)
            _write_all(file, content)
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def _attributes_of_old(folder: int, name: str, path: Path) -> dict[str, bytes]:
    """Read what an admin may have added to the file that goes: ACL, labels, user attributes."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return {}
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a regular file"
        raise MachineError(f"is {kind} and is left alone", where=str(path), hint="move it away")
    return _attributes(folder, name)


def _attributes(folder: int, name: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with suppress(OSError):
        file = os.open(name, os.O_RDONLY | OPEN_FILE, dir_fd=folder)
        try:
            found.update({key: os.getxattr(file, key) for key in os.listxattr(file)})
        finally:
            os.close(file)
    return found


def _set_attributes(file: int, attributes: dict[str, bytes]) -> None:
    for key, value in attributes.items():
        with suppress(OSError):
            os.setxattr(file, key, value)
