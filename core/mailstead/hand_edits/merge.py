"""Merge a file that two sides changed: what was rendered, what an admin made of it, what we want.

The diff3 way (Khanna, Kunal and Pierce, "A Formal Investigation of Diff3", 2007): each side's
changes of the common base are taken where only one side made them, or both made the same;
where they meet, also on lines next to each other, it is a conflict that a person decides.

Our own few lines over `difflib`, because what the package index has for it is under the GPL,
which an appliance that embeds this core would take over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

import attrs

from mailstead.settings.decisions import Side

Kind = Literal["yours", "ours", "both", "conflict"]
Lines = tuple[str, ...]
Span = tuple[int, int]

MAX_LINES = 10_000  # comparing takes up to the square of it
MARKS = ("<<<<<<< yours", "||||||| base", "=======", ">>>>>>> ours")


@attrs.frozen
class Hunk:
    """A place where a side differs from the base: line ranges, counted from 0, end excluded.

    ``kind`` is the side that changed it, ``both`` when they made the same of it.
    """

    kind: Kind
    base: Span
    yours: Span
    ours: Span


@attrs.frozen
class Merge:
    """A merge of three texts, as lines with their ends and the hunks where they differ."""

    base: Lines = attrs.field(repr=False)
    yours: Lines = attrs.field(repr=False)
    ours: Lines = attrs.field(repr=False)
    hunks: tuple[Hunk, ...]

    @property
    def conflicts(self) -> tuple[Hunk, ...]:
        """Give the hunks that a person must decide."""
        return tuple(hunk for hunk in self.hunks if hunk.kind == "conflict")

    def lines_of(self, hunk: Hunk, side: Side) -> Lines:
        """Give what a side has in a hunk."""
        start, end = hunk.yours if side == "yours" else hunk.ours
        return (self.yours if side == "yours" else self.ours)[start:end]

    def content(self, conflicts: Side | None = None) -> bytes | None:
        """Give the merged file; ``None`` when there are conflicts and no side to take in them."""
        if self.conflicts and conflicts is None:
            return None
        return self._compose({hunk: self._chosen(hunk, conflicts) for hunk in self.hunks})

    def marked(self) -> bytes:
        """Give the merged file with each conflict between marks, to be finished by hand."""
        made = {hunk: self._chosen(hunk, None) for hunk in self.hunks}
        return self._compose({**made, **{hunk: self._marks(hunk) for hunk in self.conflicts}})

    def _chosen(self, hunk: Hunk, conflicts: Side | None) -> Lines:
        if hunk.kind == "conflict":
            return self.lines_of(hunk, conflicts) if conflicts else ()
        return self.lines_of(hunk, "ours" if hunk.kind == "ours" else "yours")

    def _marks(self, hunk: Hunk) -> Lines:
        start, end = hunk.base
        parts = (self.lines_of(hunk, "yours"), self.base[start:end], self.lines_of(hunk, "ours"))
        marked = [line for mark, part in zip(MARKS, parts, strict=False) for line in (mark, *part)]
        return (*marked, MARKS[-1])

    def _compose(self, chosen: dict[Hunk, Lines]) -> bytes:
        lines: list[str] = []
        position = 0
        for hunk in self.hunks:
            lines += [*self.base[position : hunk.base[0]], *chosen[hunk]]
            position = hunk.base[1]
        lines += self.base[position:]
        # A last line without an end gets one where it is the last no more.
        ended = [line if line.endswith("\n") else f"{line}\n" for line in lines[:-1]]
        return "".join((*ended, *lines[-1:])).encode()


@attrs.frozen
class _Edit:
    """Base lines that a side replaced by its own."""

    base: Span
    side: Side
    lines: Span


def merge(base: bytes, yours: bytes, ours: bytes) -> Merge | None:
    """Merge; ``None`` for what is no text, or too long to be compared line by line."""
    texts = [_lines(content) for content in (base, yours, ours)]
    if any(lines is None or len(lines) > MAX_LINES for lines in texts):
        return None
    first, second, third = (lines or () for lines in texts)
    edits = [*_edits(first, second, "yours"), *_edits(first, third, "ours")]
    found = tuple(_hunks(sorted(edits, key=lambda edit: edit.base), second, third))
    return Merge(first, second, third, found)


def _lines(content: bytes) -> Lines | None:
    """Cut a text into lines, as editors do: only a line feed ends one."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    *whole, rest = text.split("\n")
    return (*(f"{line}\n" for line in whole), *((rest,) if rest else ()))


def _edits(base: Lines, changed: Lines, side: Side) -> Iterator[_Edit]:
    matcher = SequenceMatcher(None, base, changed, autojunk=False)
    for tag, start, end, its_start, its_end in matcher.get_opcodes():
        if tag != "equal":
            yield _Edit((start, end), side, (its_start, its_end))


def _hunks(edits: Sequence[_Edit], yours: Lines, ours: Lines) -> Iterator[Hunk]:
    """Put edits that meet into one hunk each."""
    shift: dict[Side, int] = {"yours": 0, "ours": 0}
    position = 0
    while position < len(edits):
        group = [edits[position]]
        start, end = group[0].base
        while (after := position + len(group)) < len(edits) and edits[after].base[0] <= end:
            group.append(edits[after])
            end = max(end, edits[after].base[1])
        spans = {side: _span(group, side, (start, end), shift) for side in shift}
        kind = _kind(group, yours[slice(*spans["yours"])], ours[slice(*spans["ours"])])
        yield Hunk(kind, (start, end), spans["yours"], spans["ours"])
        position += len(group)


def _span(group: Sequence[_Edit], side: Side, base: Span, shift: dict[Side, int]) -> Span:
    """Give a side's lines for a range of the base; ``shift`` is how far it is behind it."""
    start = base[0] + shift[side]
    for edit in group:
        if edit.side == side:
            shift[side] = edit.lines[1] - edit.base[1]
    return start, base[1] + shift[side]


def _kind(group: Sequence[_Edit], yours: Lines, ours: Lines) -> Kind:
    sides = {edit.side for edit in group}
    if len(sides) == 1:
        return group[0].side
    return "both" if yours == ours else "conflict"
