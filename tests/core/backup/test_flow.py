"""Bytes on their way: packed, unpacked within limits, fed to parsers in any pieces."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Generator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.backup.flow import PIECE, Feed, Hashed, Pieces, Unpacker, copy, packed, pull
from mailstead.errors import ArchiveError
from tests.core.backup.crafted import Bytes
from tests.core.damage import DAMAGE, Damage


def three() -> Generator[int, bytes, list[bytes]]:
    """Ask for one, three, no and two bytes."""
    first, second = (yield 1), (yield 3)
    return [first, second, (yield 0), (yield 2)]


def unpack(content: bytes, declared: int, pieces: int = 1) -> bytes:
    """Unpack something that comes in pieces."""
    sink = Bytes()
    unpacker = Unpacker(sink, declared)
    step = max(1, len(content) // pieces)
    for at in range(0, len(content), step):
        unpacker.write(content[at : at + step])
    unpacker.close()
    return sink.content


@given(cuts=st.lists(st.integers(1, 4), max_size=6))
def test_a_parser_gets_what_it_asks_for(cuts: list[int]) -> None:
    """However the bytes come."""
    feed, rest = Feed(three()), b"abcdef"
    for cut in [*cuts, 6]:
        feed.write(rest[:cut])
        rest = rest[cut:]
    assert feed.result() == [b"a", b"bcd", b"", b"ef"]


def test_a_parser_that_waits_was_cut_off() -> None:
    """And one that is over takes nothing more."""
    feed = Feed(three())
    feed.write(b"abc")
    with pytest.raises(ArchiveError, match="cut off"):
        feed.result()
    with pytest.raises(ArchiveError, match="follows"):
        feed.write(b"defg")
    with pytest.raises(ArchiveError, match="cut off"):
        pull(three(), Pieces([b"abc"]).read)


@given(
    content=st.binary(max_size=300_000) | st.integers(0, 3_000_000).map(bytes),
    level=st.sampled_from([0, 6]),
    pieces=st.integers(1, 9),
)
def test_what_is_packed_is_unpacked(content: bytes, level: int, pieces: int) -> None:
    """By us and by gzip, the most packable included."""
    found = b"".join(packed([content[:100], content[100:]], level))
    assert gzip.decompress(found) == content
    assert unpack(found, len(content), pieces) == content


@pytest.mark.parametrize("declared", [0, 1, PIECE, 1_999_999])
def test_a_bomb_is_stopped_at_what_it_declares(declared: int) -> None:
    """Not a piece more is passed on."""
    sink = Bytes()
    with pytest.raises(ArchiveError, match="more than it declares"):
        Unpacker(sink, declared).write(gzip.compress(bytes(2_000_000)))
    assert len(sink.content) <= declared


def test_less_than_declared_is_cut_off() -> None:
    """So is a stream without its end."""
    found = gzip.compress(b"abc")
    for content, declared in ((found, 4), (found[:-1], 3), (b"", 0)):
        with pytest.raises(ArchiveError, match="cut off"):
            unpack(content, declared)


def test_nothing_may_follow() -> None:
    """Neither in the same piece nor in a later one."""
    found = gzip.compress(b"abc")
    for content, pieces in ((found + b"x", 1), (found + b"x", len(found) + 1)):
        with pytest.raises(ArchiveError, match="follows"):
            unpack(content, 3, pieces)
    with pytest.raises(ArchiveError, match="follows"):
        unpack(found + found, 6)


@given(content=st.binary(max_size=400), damage=DAMAGE)
def test_a_flipped_byte_is_refused_or_harmless(content: bytes, damage: Damage) -> None:
    """Gzip's own header has bytes that mean nothing; all others are seen."""
    found = damage.done_to(gzip.compress(content, mtime=0))
    with suppress(ArchiveError):
        assert unpack(found, len(content)) == content


def test_pieces_are_read_in_any_size() -> None:
    """Fewer bytes come only at the end."""
    source = Pieces([b"ab", b"", b"cdef"])
    assert [source.read(3), source.read(2), source.read(9), source.read(1)] == [
        b"abc", b"de", b"f", b"",
    ]  # fmt: skip


def test_what_fills_a_block_is_empty() -> None:
    """Nothing hides behind a member."""
    sink = Hashed(Bytes())
    pull(copy(3, sink), Pieces([b"abc" + bytes(509)]).read)
    assert sink.size == 3
    with pytest.raises(ArchiveError, match="fills a block"):
        pull(copy(3, sink), Pieces([b"abc" + bytes(508) + b"x"]).read)


def test_packing_is_the_same_every_time() -> None:
    """No clock is in it."""
    assert list(packed([b"abc"], 6)) == list(packed([b"abc"], 6))
    assert zlib.decompress(b"".join(packed([b"abc"], 0)), 31) == b"abc"
