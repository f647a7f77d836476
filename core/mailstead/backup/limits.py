"""How much an archive may hold. What is beyond is refused before anything is unpacked.

A ratio this high is no backup of ours: what compresses better is stored as it is.
"""

from __future__ import annotations

from mailstead.errors import ArchiveError

PARTS = 4
MANIFEST_BYTES = 64 << 10
KEY_BYTES = 4 << 10
INDEX_BYTES = 32 << 20
ITEMS = 100_000
FILES = 50_000_000
NAME_BYTES = 4 << 10
FILE_BYTES = 64 << 30
TOTAL_BYTES = 64 << 40
RATIO = 200
RATIO_FREE_BYTES = 64 << 20


def is_excessive(unpacked: int, packed: int) -> bool:
    """Tell whether so much out of so little is a bomb."""
    return unpacked > max(RATIO_FREE_BYTES, RATIO * packed)


def refuse_beyond(what: str, number: int, limit: int, where: str) -> None:
    """Raise ArchiveError when a number is above its limit."""
    if number > limit:
        raise ArchiveError(f"{what}: {number} is more than {limit}", where=where)
