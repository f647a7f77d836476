"""Cut a script at comments between its commands, by sievelib's lexer: RFC 5228 section 8.1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

REQUIRE = b"require"
# At each of these the lexer looks for the end of a text as far as the script goes.
TEXT, MOST_TEXTS = b"text:", 100


@attrs.frozen
class Part:
    """A part of a script, from a comment that begins one to the next.

    Attributes:
        text: all of it.
        marker: the comment; empty for what comes before the first.
    """

    text: str
    marker: str = ""

    @property
    def commands(self) -> str:
        """Give what follows the comment."""
        return self.text.partition("\n")[2] if self.marker else self.text


@attrs.frozen
class Parts:
    """A script in parts, without its first ``require``.

    Attributes:
        required: what that names.
        all_required: what every ``require`` names.
    """

    parts: tuple[Part, ...]
    required: frozenset[str] = frozenset()
    all_required: frozenset[str] = frozenset()


@attrs.frozen
class _Mark:
    """Where a comment begins, or a ``require`` begins and ends."""

    start: int
    end: int
    text: str = ""
    extensions: frozenset[str] = frozenset()


def split(text: str, markers: Sequence[str]) -> Parts:
    """Cut a script at comments that begin like one of these; one that has no tokens is one part."""
    from sievelib.parser import ParseError

    data = text.encode()
    if data.count(TEXT) > MOST_TEXTS:
        return Parts((Part(text),))
    try:
        marks = list(_marks(data, tuple(marker.encode() for marker in markers)))
    except (ParseError, ValueError):
        return Parts((Part(text),))
    requires = [mark for mark in marks if not mark.text]
    first = next((mark for mark in requires if not data[: mark.start].strip()), None)
    begin = _after_blank(data, first.end) if first else 0
    comments = [mark for mark in marks if mark.text and mark.start >= begin]
    return Parts(
        tuple(_parts(data, begin, comments)),
        first.extensions if first else frozenset(),
        frozenset().union(*(mark.extensions for mark in requires)),
    )


def _parts(data: bytes, begin: int, comments: list[_Mark]) -> Iterator[Part]:
    ends = [*(mark.start for mark in comments), len(data)]
    before = data[begin : ends[0]].decode()
    if before.strip():
        yield Part(before)
    for mark, end in zip(comments, ends[1:], strict=True):
        yield Part(data[mark.start : end].decode(), mark.text)


def _marks(data: bytes, markers: tuple[bytes, ...]) -> Iterator[_Mark]:
    """Find what stands between commands, outside of all blocks."""
    depth, command, start = 0, b"", 0
    strings: list[bytes] = []
    for kind, token, place in _tokens(data):
        if kind == "hash_comment" and not depth and not command and token.startswith(markers):
            yield _Mark(place, place, token.rstrip().decode())
        if kind.endswith("_comment"):
            continue
        if not command:
            command, start, strings = token.lower(), place, []
        strings += [token] if kind == "string" else []
        depth += {"left_cbracket": 1, "right_cbracket": -1}.get(kind, 0)
        if not depth and kind in ("semicolon", "right_cbracket"):
            if command == REQUIRE:
                names = frozenset(item[1:-1].decode() for item in strings)
                yield _Mark(start, place + 1, extensions=names)
            command = b""


def _tokens(data: bytes) -> Iterator[tuple[str, bytes, int]]:
    from sievelib.parser import Lexer, Parser

    lexer = Lexer(Parser.lrules)
    for kind, token in lexer.scan(data):
        yield kind, token, lexer.pos


def _after_blank(data: bytes, place: int) -> int:
    """Give where the line after an end begins, blank ones left out."""
    rest = data[place:]
    return place + len(rest) - len(rest.lstrip())
