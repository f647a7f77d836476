"""An archive that is read: its outer form, and its parts on their way to whoever takes them.

The outer form is a tar of at most four parts and the manifest, which comes last since it tells
the parts' digests. ``opened`` looks at the form alone; ``verify`` reads everything, and takes a
part's own word for nothing. Whatever is wrong is an ArchiveError naming file and member, and
nothing is ever written here.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import TypeVar

import attrs

from mailstead.backup import manifest as manifests
from mailstead.backup.contents import Index
from mailstead.backup.flow import Feed, Hashed, Nothing, Pieces, Unpacker, pull, slice_of
from mailstead.backup.headers import Header, padding, read_header
from mailstead.backup.limits import KEY_BYTES, MANIFEST_BYTES, PARTS, refuse_beyond
from mailstead.backup.manifest import KEY, MAIL, NAME, SEALED, Manifest, Part
from mailstead.backup.members import Taking, nowhere, read_settings, read_tree
from mailstead.backup.seal import Key
from mailstead.errors import ArchiveError, InvalidInput, NotFound
from mailstead.machine.base import Machine
from mailstead.machine.handles import ReadStream
from mailstead.machine.values import Path

T = TypeVar("T")


@attrs.frozen
class Entry:
    """A member of the outer archive and where its content begins."""

    name: str
    size: int
    offset: int


@attrs.frozen
class Archive:
    """An open archive."""

    path: Path
    manifest: Manifest
    _stream: ReadStream
    _entries: Mapping[str, Entry]

    def unlock(self, passphrase: str) -> Key:
        """Give the key. Raises ArchiveError for another passphrase."""
        with self.naming(KEY):
            return Key.unlock(self._content(self._entries[KEY], KEY_BYTES), passphrase)

    def require_key(self, passphrase: str | None) -> Key | None:
        """Give the key of an archive that has one. Raises InvalidInput without a passphrase."""
        if not self.manifest.has_secrets:
            return None
        if passphrase is None:
            hint = "give it on the terminal, or with --passphrase-stdin"
            raise InvalidInput("a passphrase is needed", where=str(self.path), hint=hint)
        return self.unlock(passphrase)

    def verify_digests(self) -> None:
        """Read every part and compare it with the manifest. Raises ArchiveError."""
        for part in self.manifest.parts:
            with self.naming(part.name):
                measured = Hashed(Nothing())
                entry = self._entries[part.name]
                for piece in slice_of(self._stream, entry.offset, entry.size):
                    measured.write(piece)
                if measured.sha256 != part.sha256:
                    raise ArchiveError("it is damaged: its digest is another", where=part.name)

    def verify(self, key: Key | None) -> Index:
        """Read everything as far as the key opens it, and compare it. Raises ArchiveError."""
        self.verify_digests()
        index = self.settings(key, nowhere)
        if self.manifest.has_mail:
            self.mail(key, nowhere)
        return index

    def settings(self, key: Key | None, take: Taking) -> Index:
        """Read the settings part; ``take`` gives for each member where its content goes."""
        part = self.manifest.settings
        return self._read(part, key, read_settings(part.files, take))

    def mail(self, key: Key | None, take: Taking) -> int:
        """Read the mail part in the same way; gives how many members it had."""
        part = self.require_mail()
        return self._read(part, key, read_tree(part.files, take))

    def require_mail(self) -> Part:
        """Give the mail part. Raises InvalidInput when there is none."""
        part = self.manifest.find(MAIL + SEALED)
        if part is None:
            hint = "leave --mail out"
            raise InvalidInput("there is no mail in it", where=str(self.path), hint=hint)
        return part

    @contextmanager
    def naming(self, part: str) -> Iterator[None]:
        """Name file and part in what is refused."""
        with _naming(self.path, part):
            yield

    def _read(self, part: Part, key: Key | None, parser: Generator[int, bytes, T]) -> T:
        entry = self._entries[part.name]
        with self.naming(part.name), closing(Feed(parser)) as feed:
            unpacker = Unpacker(feed, part.unpacked)
            pieces = slice_of(self._stream, entry.offset, entry.size)
            if key is not None:
                key.decrypt(Pieces(pieces), unpacker)
            else:
                for piece in pieces:
                    unpacker.write(piece)
            unpacker.close()
            return feed.result()

    def _content(self, entry: Entry, limit: int) -> bytes:
        refuse_beyond("bytes", entry.size, limit, entry.name)
        return b"".join(slice_of(self._stream, entry.offset, entry.size))


@contextmanager
def opened(machine: Machine, path: Path) -> Iterator[Archive]:
    """Open an archive and look at its form. Raises NotFound, ArchiveError, MachineError."""
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(machine.read_stream(path))
        except FileNotFoundError as error:
            hint = "see `mailstead backup list`"
            raise NotFound("there is no such file", where=str(path), hint=hint) from error
        yield _looked_at(stream, path)


def _looked_at(stream: ReadStream, path: Path) -> Archive:
    with _naming(path, ""):
        entries = list(_entries(stream))
        *parts, last = entries
        if last.name != NAME:
            raise ArchiveError("the manifest is not its last member", where=last.name)
        refuse_beyond("bytes", last.size, MANIFEST_BYTES, NAME)
        stream.seek(last.offset)
        manifest = manifests.parse(stream.read(last.size))
        declared = [(part.name, part.size) for part in manifest.parts]
        if declared != [(entry.name, entry.size) for entry in parts]:
            raise ArchiveError("its members are not those it declares", where=NAME)
        return Archive(path, manifest, stream, {entry.name: entry for entry in entries})


def _entries(stream: ReadStream) -> Iterator[Entry]:
    place = _Place(stream)
    found = 0
    while (header := pull(read_header(), place.read)) is not None:
        found += 1
        refuse_beyond("members", found, PARTS + 1, header.name)
        if header.kind != "file" or header.name not in _NAMES:
            raise ArchiveError("no backup has such a member", where=header.name)
        yield Entry(header.name, header.size, place.at)
        place.skip(header)
    if not found:
        raise ArchiveError("it is empty")
    if place.at != stream.size:
        raise ArchiveError("something follows the end mark")


@attrs.define
class _Place:
    """Where in the file we are."""

    stream: ReadStream
    at: int = 0

    def read(self, size: int) -> bytes:
        self.at += size
        return self.stream.read(size)

    def skip(self, header: Header) -> None:
        """Go behind a member's content."""
        if self.at + header.size > self.stream.size:
            raise ArchiveError("it is cut off", where=header.name)
        self.at += header.size
        self.stream.seek(self.at)
        if any(self.read(len(padding(header.size)))):
            raise ArchiveError("what fills a block is not empty", where=header.name)


_NAMES = (KEY, manifests.SETTINGS, manifests.SETTINGS + SEALED, MAIL + SEALED, NAME)


@contextmanager
def _naming(path: Path, part: str) -> Iterator[None]:
    try:
        yield
    except ArchiveError as error:
        members = dict.fromkeys(name for name in (part, error.where) if name)
        if error.where.startswith(str(path)):
            raise
        where = ": ".join((str(path), *members))
        raise ArchiveError(error.problem, where=where, hint=error.hint) from error
