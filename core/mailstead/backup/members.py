"""Parsers of the two kinds of parts: settings, with an index first, and trees of files.

Each asks for bytes (see `mailstead.backup.flow.Feed`), checks every member before its content
is passed on, and compares what came with what was declared.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext

from mailstead.backup import contents
from mailstead.backup.contents import INDEX, Index, Item
from mailstead.backup.flow import Hashed, Nothing, Sink, copy
from mailstead.backup.headers import Header, read_header
from mailstead.backup.limits import INDEX_BYTES, refuse_beyond
from mailstead.errors import ArchiveError

Taking = Callable[[Header], AbstractContextManager[Sink]]


class Kept:
    """A sink that keeps what is short."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, data: bytes) -> int:
        """Keep bytes."""
        self.content += data
        return len(data)


def read_settings(files: int, take: Taking) -> Generator[int, bytes, Index]:
    """Read a settings part; gives its index. Raises ArchiveError."""
    index = yield from _read_index()
    if files != len(index.items) + 1:
        raise ArchiveError(f"it has {len(index.items) + 1} members, {files} are declared")
    for item in index.items:
        yield from _read_item(item, take)
    header = yield from read_header()
    if header is not None:
        raise ArchiveError("it is not in the index", where=header.name)
    return index


def read_tree(files: int, take: Taking) -> Generator[int, bytes, int]:
    """Read a tree; gives the number of its members. Raises ArchiveError.

    Names come in ascending order, so none can come twice.
    """
    count = 0
    previous: tuple[str, ...] = ()
    while (header := (yield from read_header())) is not None:
        count += 1
        refuse_beyond("members", count, files, header.name)
        parts = tuple(header.name.split("/"))
        if parts <= previous:
            raise ArchiveError("it is there twice, or out of order", where=header.name)
        previous = parts
        with take(header) as sink:
            yield from copy(header.size, sink)
    if count != files:
        raise ArchiveError(f"it has {count} members, {files} are declared")
    return count


def _read_index() -> Generator[int, bytes, Index]:
    header = yield from read_header()
    if header is None or header.name != INDEX or header.kind != "file":
        raise ArchiveError("the index is not its first member")
    refuse_beyond("bytes", header.size, INDEX_BYTES, INDEX)
    kept = Kept()
    yield from copy(header.size, kept)
    return contents.parse(bytes(kept.content))


def _read_item(item: Item, take: Taking) -> Generator[int, bytes, None]:
    header = yield from read_header()
    if header is None:
        raise ArchiveError("it is missing", where=item.name)
    if (header.name, header.size, header.kind) != (item.name, item.size, "file"):
        raise ArchiveError(f"the index has {item.name} of {item.size} bytes in its place",
                           where=header.name)  # fmt: skip
    with take(header) as sink:
        measured = Hashed(sink)
        yield from copy(header.size, measured)
        if measured.sha256 != item.sha256:
            raise ArchiveError("it is damaged: its digest is another", where=item.name)


def nowhere(_header: Header) -> AbstractContextManager[Sink]:
    """Take members to look at them alone."""
    return nullcontext(Nothing())
