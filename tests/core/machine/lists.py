"""Access control lists as the kernel stores them; see acl(5), linux/posix_acl_xattr.h."""

from __future__ import annotations

import struct

NOBODY = 65534
ANYONE = -1
USER, NAMED, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20


def entry(tag: int, rights: int, who: int = ANYONE) -> bytes:
    """Give one entry of a list."""
    return struct.pack("<HHi", tag, rights & 7, who)


def acl(mode: int, *, named: int, mask: int, user: int = NOBODY) -> bytes:
    """Give a list with one named user, as setfacl(1) would make it."""
    return b"".join(
        [
            struct.pack("<I", 2),
            entry(USER, mode >> 6),
            entry(NAMED, named, user),
            entry(GROUP, mode >> 3),
            entry(MASK, mask),
            entry(OTHER, mode),
        ]
    )
