"""Extended attributes: what an admin attached to a file besides owner and mode.

An access control list is one of them, and it is tied to the mode: the group bits of the mode
are its mask. A list that got lost can open a file (its owning group may have had less than the
mask), so that is an error; labels belong to the kernel's policy and may be refused by it. See
xattr(7), acl(5); the form of a list is that of linux/posix_acl_xattr.h.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Mapping

from mailstead.errors import MachineError
from mailstead.machine.files import OPEN_FILE
from mailstead.machine.folders import parent_of, refusals
from mailstead.machine.values import Path

ACL = "system.posix_acl_access"
LABELS = "security."
# The kernel makes these of the content, and makes them anew.
_OF_CONTENT = frozenset({"security.ima", "security.evm"})
_HEAD = 4
_ENTRY = struct.Struct("<HHI")
_USER, _GROUP, _MASK, _OTHER = 0x01, 0x04, 0x10, 0x20


def read_attributes(path: Path) -> dict[str, bytes]:
    """Read the attributes of a regular file; no link is followed."""
    with refusals(path, missing=True), parent_of(path) as (folder, name):
        return attributes_in(folder, name, path)


def attributes_in(folder: int, name: str, path: Path) -> dict[str, bytes]:
    """Read the attributes of a regular file in an open folder.

    Raises:
        OSError: it is missing, or cannot be read.
        MachineError: it is a link, or no file.
    """
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a regular file"
        raise MachineError(f"is {kind} and is left alone", where=str(path), hint="move it away")
    file = os.open(name, os.O_RDONLY | OPEN_FILE, dir_fd=folder)
    try:
        return {key: value for key in _names(file) if (value := _value(file, key)) is not None}
    finally:
        os.close(file)


def set_attributes(file: int, attributes: Mapping[str, bytes], *, mode: int) -> None:
    """Give a new file these attributes and no list that its folder hands down.

    What the file system does not know and labels that are refused are passed over.

    Raises:
        OSError: an access control list cannot be set, or there is no room.
    """
    if ACL not in attributes:
        _remove_acl(file)
    for key, value in fitted(attributes, mode).items():
        _set(file, key, value)


def fitted(attributes: Mapping[str, bytes], mode: int) -> dict[str, bytes]:
    """Give the attributes as they are on a file of this mode, as chmod(2) would make them.

    Set at once with the right mask, a list opens the file to nobody for a moment.
    """
    return {
        key: _fitted_acl(value, mode) if key == ACL else value for key, value in attributes.items()
    }


def _fitted_acl(acl: bytes, mode: int) -> bytes:
    head, body = acl[:_HEAD], acl[_HEAD:]
    if len(head) < _HEAD or len(body) % _ENTRY.size:
        raise _unset(errno.EINVAL)
    entries: list[tuple[int, int, int]] = list(_ENTRY.iter_unpack(body))
    group = _MASK if any(tag == _MASK for tag, _, _ in entries) else _GROUP
    rights = {_USER: mode >> 6 & 7, group: mode >> 3 & 7, _OTHER: mode & 7}
    return head + b"".join(
        _ENTRY.pack(tag, rights.get(tag, right), who) for tag, right, who in entries
    )


def _names(file: int) -> list[str]:
    try:
        return [key for key in os.listxattr(file) if key not in _OF_CONTENT]
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise


def _value(file: int, key: str) -> bytes | None:
    """Give a value; ``None`` when it went away meanwhile, or is a label kept from us."""
    try:
        return os.getxattr(file, key)
    except OSError as error:
        if error.errno == errno.ENODATA or key.startswith(LABELS):
            return None
        raise


def _set(file: int, key: str, value: bytes) -> None:
    try:
        os.setxattr(file, key, value)
    except OSError as error:
        if key == ACL:
            raise _unset(error.errno) from error
        if error.errno != errno.ENOTSUP and not key.startswith(LABELS):
            raise


def _remove_acl(file: int) -> None:
    try:
        os.removexattr(file, ACL)
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise


def _unset(number: int | None) -> OSError:
    reason = os.strerror(number or 0)
    return OSError(number, f"its access control list cannot be set: {reason}")
