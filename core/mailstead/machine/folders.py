"""Walking to a file folder by folder, so that nobody can plant a link on the way.

Every folder is opened relative to the one before, without following links. A link is followed
only where root or we made it, in a folder nobody else can write to (``/var/run``, a disk moved
by the admin); see symlink(7) and path_resolution(7).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from mailstead.errors import MachineError
from mailstead.machine.values import Path

MAX_LINKS = 40
_WALK = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HINTS = {
    errno.ENOSPC: "free some space on that file system; df -i tells whether it is out of inodes",
    errno.EDQUOT: "raise the quota or free some space",
    errno.EROFS: "the file system is mounted read-only",
    errno.EIO: "the disk is failing, or what is below it: see the kernel's messages",
    errno.EPERM: "look for an immutable flag with lsattr, or for missing rights",
    errno.EACCES: "Mailstead must run with the right to do this; as root, look for a denial by "
    "AppArmor or SELinux in the kernel's messages",
}


@contextmanager
def refusals(path: Path, *, missing: bool = False) -> Iterator[None]:
    """Turn what the system refuses into a MachineError that names the path.

    With ``missing`` a FileNotFoundError passes as it is.
    """
    try:
        yield
    except OSError as error:
        if missing and isinstance(error, FileNotFoundError):
            raise
        raise refusal(path, error) from error


def refusal(path: Path, error: OSError) -> MachineError:
    """Give the MachineError for an OSError."""
    problem = (error.strerror or str(error)).lower()
    return MachineError(problem, where=str(path), hint=_HINTS.get(error.errno or 0, ""))


def is_trusted(*, mode: int, uid: int, gid: int, me: int) -> bool:
    """Tell whether nobody but root and us can change names in a folder.

    Only root has something to lose here: others cannot be led to what is not theirs.
    """
    if me != 0:
        return True
    shared = mode & stat.S_IWOTH or (mode & stat.S_IWGRP and gid != 0)
    return uid == 0 and (not shared or bool(mode & stat.S_ISVTX))


def require_trusted(folder: int, path: Path) -> None:
    """Refuse to write where others could plant a link. Raises MachineError."""
    if not folder_is_trusted(folder):
        raise untrusted(path)


def untrusted(path: Path) -> MachineError:
    """Give the error for a file in a folder that others can write to."""
    return MachineError(
        f"its folder {path.parent} can be changed by others than root",
        where=str(path),
        hint="give the folder to root and take the write right from group and others",
    )


def folder_is_trusted(folder: int) -> bool:
    """Tell the same as `is_trusted` about an open folder."""
    found = os.fstat(folder)
    return is_trusted(mode=found.st_mode, uid=found.st_uid, gid=found.st_gid, me=os.geteuid())


@contextmanager
def parent_of(path: Path, *, follow: bool = False) -> Iterator[tuple[int, str]]:
    """Open the folder a path is in; gives its descriptor and the name in it.

    Args:
        path: absolute, without ``..``.
        follow: where the path itself is a trusted link, go to what it points at.

    Raises:
        OSError: a folder is missing or cannot be entered.
        MachineError: an untrusted link is in the way.
    """
    walk = _Walk(path)
    try:
        yield walk.arrive(follow=follow)
    finally:
        os.close(walk.folder)


def sync_folder(folder: int) -> None:
    """Make the names in a folder durable."""
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(readable)
    finally:
        os.close(readable)


def _names(path: Path) -> list[str]:
    if not path.is_absolute() or ".." in path.parts or "\0" in str(path):
        raise MachineError("a path must be absolute and without '..'", where=str(path))
    return list(path.parts[1:])


class _Walk:
    """One walk; ``ahead`` holds the names still to go, the next one last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ahead = _names(path)[::-1]
        self.links = 0
        self.folder = os.open("/", _WALK)

    def arrive(self, *, follow: bool) -> tuple[int, str]:
        self._enter_parents()
        while follow and self.ahead and self._is_link(self.ahead[0]):
            self._follow(self.ahead.pop())
            self._enter_parents()
        return self.folder, self.ahead[0] if self.ahead else "."

    def _enter_parents(self) -> None:
        while len(self.ahead) > 1:
            self._enter(self.ahead.pop())

    def _enter(self, name: str) -> None:
        try:
            self._stand_in(os.open(name, _WALK, dir_fd=self.folder))
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP) or not self._is_link(name):
                raise
            self._follow(name)

    def _stand_in(self, folder: int) -> None:
        os.close(self.folder)
        self.folder = folder

    def _is_link(self, name: str) -> bool:
        try:
            found = os.stat(name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return stat.S_ISLNK(found.st_mode)

    def _follow(self, name: str) -> None:
        self._require_trusted_link(name)
        self.links += 1
        if self.links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = Path(os.readlink(name, dir_fd=self.folder))
        if target.is_absolute():
            self._stand_in(os.open("/", _WALK))
        self.ahead += [part for part in target.parts if part != "/"][::-1]

    def _require_trusted_link(self, name: str) -> None:
        owner = os.stat(name, dir_fd=self.folder, follow_symlinks=False).st_uid
        if owner in (0, os.geteuid()) and folder_is_trusted(self.folder):
            return
        raise MachineError(
            f"{name} on the way is a symbolic link that others can make",
            where=str(self.path),
            hint="remove the link, or have root make it in a folder of root's",
        )
