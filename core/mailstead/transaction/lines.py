"""Lines of files: cut them as editors do, and tell which ones differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import attrs

Lines = Sequence[str]


@attrs.frozen
class Block:
    """Lines that differ: those of ``old`` give way to those of ``new``, counted from 0."""

    old: range
    new: range


def lines_of(content: bytes) -> tuple[str, ...]:
    """Give the lines of a file, each with its line end; only a line feed ends one."""
    parts = content.decode("utf-8", "backslashreplace").split("\n")
    if not parts[-1]:
        parts.pop()
    return tuple(f"{part}\n" for part in parts)


def blocks(old: Lines, new: Lines) -> Iterator[Block]:
    """Give what differs, in order; the same lines as in a unified diff of the two."""
    for tag, start, end, new_start, new_end in _opcodes(old, new):
        if tag != "equal":
            yield Block(range(start, end), range(new_start, new_end))


def added(old: Lines, new: Lines) -> frozenset[int]:
    """Give the lines of ``new`` that are not in ``old``."""
    return frozenset(number for block in blocks(old, new) for number in block.new)


def removed(old: Lines, new: Lines) -> frozenset[int]:
    """Give the lines of ``old`` that are not in ``new``."""
    return frozenset(number for block in blocks(old, new) for number in block.old)


def same(old: Lines, new: Lines) -> dict[int, int]:
    """Give for each line of ``old`` that is in ``new`` where it stands there."""
    return {
        start + step: new_start + step
        for tag, start, end, new_start, _ in _opcodes(old, new)
        if tag == "equal"
        for step in range(end - start)
    }


def _opcodes(old: Lines, new: Lines) -> Sequence[tuple[str, int, int, int, int]]:
    return SequenceMatcher(None, old, new).get_opcodes()
