"""Bytes on their way: packed and unpacked, pulled and pushed.

The library that encrypts pulls from a file and pushes into one. What is read is therefore
parsed by generators that ask for so many bytes and are fed as these come: `Feed`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from hashlib import sha256
from typing import Generic, Protocol, TypeVar

from mailstead.errors import ArchiveError
from mailstead.machine.handles import ReadStream

PIECE = 64 << 10
_GZIP = 31  # window bits, with gzip's own header and checksum; see zlib's manual
T = TypeVar("T")


class Sink(Protocol):
    """Whatever bytes are pushed into."""

    def write(self, data: bytes) -> int:
        """Take bytes; gives how many."""


class Pieces:
    """A file to read from, made of pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = bytearray()

    def read(self, size: int) -> bytes:
        """Give so many bytes; fewer only at the end."""
        while len(self._held) < size and (piece := next(self._pieces, None)) is not None:
            self._held += piece
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken


class Hashed:
    """A sink that measures what goes on into another."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._sha256 = sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Pass bytes on."""
        self._sha256.update(data)
        self.size += len(data)
        return self._sink.write(data)

    @property
    def sha256(self) -> str:
        """Give the digest so far."""
        return self._sha256.hexdigest()


class Nothing:
    """A sink that keeps nothing."""

    def write(self, data: bytes) -> int:
        """Forget bytes."""
        return len(data)


class Feed(Generic[T]):
    """A sink that feeds a parser the numbers of bytes it asks for."""

    def __init__(self, parser: Generator[int, bytes, T]) -> None:
        self._parser = parser
        self._held = bytearray()
        self._result: list[T] = []
        self._wanted = 0
        self._go_on(None)

    def write(self, data: bytes) -> int:
        """Feed bytes on. Raises ArchiveError after the parser's end."""
        self._held += data
        while not self._result and len(self._held) >= self._wanted:
            food = bytes(self._held[: self._wanted])
            del self._held[: self._wanted]
            self._go_on(food)
        if self._result and self._held:
            raise ArchiveError("something follows the end mark")
        return len(data)

    def result(self) -> T:
        """Give what the parser came to. Raises ArchiveError when it still waits for bytes."""
        if not self._result:
            raise ArchiveError("it is cut off")
        return self._result[0]

    def close(self) -> None:
        """Let the parser clean up."""
        self._parser.close()

    def _go_on(self, food: bytes | None) -> None:
        try:
            self._wanted = next(self._parser) if food is None else self._parser.send(food)
        except StopIteration as end:
            self._result = [end.value]


class Unpacker:
    """A sink that unpacks gzip into another, and no more than was declared."""

    def __init__(self, sink: Sink, declared: int) -> None:
        self._sink = sink
        self._left = declared
        self._packed = zlib.decompressobj(_GZIP)

    def write(self, data: bytes) -> int:
        """Unpack bytes. Raises ArchiveError when they are damaged, or too much."""
        is_over = self._packed.eof
        rest = data
        while not self._packed.eof:
            piece = self._unpack(rest)
            rest = self._packed.unconsumed_tail
            self._push(piece)
            # A full piece may have more behind it that no longer needs input.
            if not rest and len(piece) < PIECE:
                break
        if self._packed.unused_data or (is_over and data):
            raise ArchiveError("something follows the end of what is packed")
        return len(data)

    def close(self) -> None:
        """Raise ArchiveError unless all that was declared came."""
        if not self._packed.eof or self._left:
            raise ArchiveError("it is cut off")

    def _push(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise ArchiveError("it unpacks to more than it declares")
        self._sink.write(piece)

    def _unpack(self, data: bytes) -> bytes:
        try:
            return self._packed.decompress(data, PIECE)
        except zlib.error as error:
            raise ArchiveError(f"it is damaged: {error}") from error


def packed(pieces: Iterable[bytes], level: int) -> Iterator[bytes]:
    """Give pieces packed by gzip; level 0 stores them."""
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def pull(parser: Generator[int, bytes, T], read: Callable[[int], bytes]) -> T:
    """Run a parser over a file. Raises ArchiveError when the file ends too early."""
    try:
        wanted = next(parser)
        while True:
            food = read(wanted)
            if len(food) < wanted:
                raise ArchiveError("it is cut off")
            wanted = parser.send(food)
    except StopIteration as end:
        found: T = end.value
        return found


def copy(size: int, sink: Sink) -> Generator[int, bytes, None]:
    """Ask for so many bytes, and for what fills their last block, and push them on."""
    left = size
    while left:
        piece = yield min(left, PIECE)
        sink.write(piece)
        left -= len(piece)
    if any((yield -size % 512)):
        raise ArchiveError("what fills a block is not empty")


def slice_of(stream: ReadStream, offset: int, size: int) -> Iterator[bytes]:
    """Read a part of a file in pieces. Raises ArchiveError when the file is shorter."""
    stream.seek(offset)
    left = size
    while left:
        piece = stream.read(min(left, PIECE))
        if not piece:
            raise ArchiveError("it is cut off")
        left -= len(piece)
        yield piece
