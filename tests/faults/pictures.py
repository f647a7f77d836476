"""A folder as a value: what stands in it, byte for byte, to be compared."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import attrs

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


@attrs.frozen
class Entry:
    """What stands at one name; ``content`` of a link is where it points."""

    kind: str
    mode: int
    uid: int
    gid: int
    content: bytes = b""
    attributes: tuple[tuple[str, bytes], ...] = ()
    names: int = 1


def picture(folder: Path) -> dict[str, Entry]:
    """Give everything in a folder by relative name; the folder itself is ``"."``."""
    return {str(path.relative_to(folder)): entry(path) for path in _walk(folder)}


def entry(path: Path) -> Entry:
    """Look at one name without following it."""
    found = path.lstat()
    kind = KINDS[stat.S_IFMT(found.st_mode)]
    return Entry(
        kind=kind,
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        content=_content(path, kind),
        attributes=attributes(path),
        names=1 if kind == "directory" else found.st_nlink,
    )


def attributes(path: Path) -> tuple[tuple[str, bytes], ...]:
    """Give the extended attributes of a name, sorted; those of a link are its own."""
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
    except OSError:
        return ()
    return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)


def _content(path: Path, kind: str) -> bytes:
    if kind == "link":
        return os.fsencode(path.readlink())
    return path.read_bytes() if kind == "file" else b""


def _walk(folder: Path) -> Iterator[Path]:
    yield folder
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path
