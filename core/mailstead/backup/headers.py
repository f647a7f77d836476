"""Members of a tar: their headers, written and read strictly.

The form is GNU tar's, so that ``tar`` lists and unpacks what we write. What is read is ours or
it is refused: files, and folders where the reader allows them; no link, device, sparse file or
extended header ever becomes more than an error. See tar(5).
"""

from __future__ import annotations

import tarfile
from collections.abc import Generator
from typing import Literal

import attrs

from mailstead.backup.limits import FILE_BYTES, NAME_BYTES, refuse_beyond
from mailstead.errors import ArchiveError

BLOCK = 512
END = bytes(2 * BLOCK)
RIGHTS = 0o777
LATEST = 1 << 40
_CODING = ("utf-8", "surrogateescape")
_MAGIC = slice(257, 265)
_GNU = b"ustar  \0"
_LONGEST_PART = 255
_KINDS: dict[bytes, Literal["file", "folder"]] = {
    tarfile.REGTYPE: "file",
    tarfile.DIRTYPE: "folder",
}
_REFUSED = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}

Steps = Generator[int, bytes, "Header | None"]


@attrs.frozen
class Header:
    """What a member's header says. Names are relative, with ``/``."""

    name: str
    size: int = 0
    kind: Literal["file", "folder"] = "file"
    mode: int = 0o600
    modified: int = 0
    owner: str = "root"
    group: str = "root"


def header_bytes(header: Header) -> bytes:
    """Give a header as it stands in the archive, with a block for a long name."""
    info = tarfile.TarInfo(header.name)
    info.type = tarfile.DIRTYPE if header.kind == "folder" else tarfile.REGTYPE
    info.size = header.size
    info.mode = header.mode & RIGHTS
    info.mtime = min(max(header.modified, 0), LATEST)
    info.uname, info.gname = header.owner, header.group
    return info.tobuf(tarfile.GNU_FORMAT, *_CODING)


def padding(size: int) -> bytes:
    """Give what fills the last block of so many bytes."""
    return bytes(-size % BLOCK)


def read_header() -> Steps:
    """Ask for the bytes of a header; gives it, or ``None`` at the end mark."""
    block = yield BLOCK
    if not any(block):
        if any((yield BLOCK)):
            raise ArchiveError("the end mark is damaged")
        return None
    info = _parsed(block)
    if info.type == tarfile.GNUTYPE_LONGNAME:
        name = yield from _long_name(info)
        info = _parsed((yield BLOCK))
        info.name = name.rstrip("/") if info.type == tarfile.DIRTYPE else name
    return _verified(info)


def refuse_name(name: str) -> None:
    """Raise ArchiveError for a name that could lead elsewhere."""
    parts = name.split("/")
    if name.startswith("/"):
        raise ArchiveError("the name is absolute", where=name)
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ArchiveError("the name leads elsewhere", where=name)
    longest = max(len(part.encode(*_CODING)) for part in parts)
    refuse_beyond("bytes of a part of the name", longest, _LONGEST_PART, name)


def _parsed(block: bytes) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(block, *_CODING)
    except tarfile.HeaderError as error:
        raise ArchiveError(f"a header is damaged: {error}") from error
    if block[_MAGIC] != _GNU:
        raise ArchiveError("it is not a tar of ours", where=info.name)
    if info.size < 0:
        raise ArchiveError("the size is negative", where=info.name)
    return info


def _long_name(info: tarfile.TarInfo) -> Generator[int, bytes, str]:
    refuse_beyond("bytes of the name", info.size, NAME_BYTES, info.name)
    content = yield info.size + len(padding(info.size))
    name, nul, rest = content.partition(b"\0")
    if not nul or any(rest):
        raise ArchiveError("a long name is damaged")
    return name.decode(*_CODING)


def _verified(info: tarfile.TarInfo) -> Header:
    if info.type not in _KINDS:
        kind = _REFUSED.get(info.type, f"of the unknown kind {info.type!r}")
        raise ArchiveError(f"it is {kind}; only files are taken", where=info.name)
    refuse_name(info.name)
    if info.linkname or (info.type == tarfile.DIRTYPE and info.size):
        raise ArchiveError("the header contradicts itself", where=info.name)
    if not 0 <= info.mode <= RIGHTS:
        raise ArchiveError(f"the mode {info.mode:o} has more than rights", where=info.name)
    refuse_beyond("bytes", info.size, FILE_BYTES, info.name)
    if not 0 <= info.mtime <= LATEST:
        raise ArchiveError(f"the date {info.mtime} is none", where=info.name)
    return Header(info.name, info.size, _KINDS[info.type], info.mode, int(info.mtime),
                  info.uname, info.gname)  # fmt: skip
