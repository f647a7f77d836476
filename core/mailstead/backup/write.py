"""Write an archive: parts one after the other, each packed and encrypted as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import attrs

from mailstead.backup import contents, manifest
from mailstead.backup.flow import Hashed, Pieces, packed
from mailstead.backup.gather import Gathered
from mailstead.backup.headers import END, Header, header_bytes, padding
from mailstead.backup.limits import is_excessive
from mailstead.backup.manifest import KEY, SEALED, Manifest, Part
from mailstead.backup.seal import Key
from mailstead.backup.trees import Tally
from mailstead.machine.base import Machine
from mailstead.machine.handles import WriteStream

LEVELS = (6, 0)
Making = Callable[[Tally], Iterator[bytes]]


@attrs.frozen
class ArchiveWriter:
    """Writes one archive into an open file."""

    stream: WriteStream
    key: Key | None
    parts: list[Part] = attrs.field(factory=list)

    def add_key(self, passphrase: str) -> None:
        """Write the key, locked with the passphrase."""
        if self.key is not None:
            locked = self.key.lock(passphrase)
            self._add(KEY, lambda sink: sink.write(locked), Tally())

    def add_part(self, name: str, make: Making) -> Tally:
        """Write a part of pieces that ``make`` gives; called again when it packs too well.

        What no reader would unpack, since it looks like a bomb, is stored as it is.
        """
        sealed = f"{name}{SEALED}" if self.key else name
        begin, tally = self.stream.tell(), Tally()
        for level in LEVELS:
            self.stream.cut(begin)
            tally = Tally()
            pieces = packed(_counted(make(tally), tally), level)
            part = self._add(sealed, partial(self._pass, pieces), tally)
            if not is_excessive(part.unpacked, part.size):
                break
            self.parts.remove(part)
        return tally

    def close(self, made: Manifest) -> Manifest:
        """Write the manifest, which ends the archive, and give it with its parts."""
        whole = attrs.evolve(made, parts=tuple(self.parts))
        content = manifest.dump(whole)
        self.stream.write(header_bytes(Header(manifest.NAME, len(content))))
        self.stream.write(content + padding(len(content)) + END)
        return whole

    def _pass(self, pieces: Iterable[bytes], sink: Hashed) -> None:
        if self.key is not None:
            self.key.encrypt(Pieces(pieces), sink)
        else:
            for piece in pieces:
                sink.write(piece)

    def _add(self, name: str, fill: Callable[[Hashed], object], tally: Tally) -> Part:
        """Write a member; its size is known and put into its header when it is written."""
        place = self.stream.tell()
        self.stream.write(header_bytes(Header(name)))
        measured = Hashed(self.stream)
        fill(measured)
        self.stream.rewrite(place, header_bytes(Header(name, measured.size)))
        self.stream.write(padding(measured.size))
        part = Part(name, measured.size, measured.sha256, tally.files, tally.unpacked)
        self.parts.append(part)
        return part


def settings_pieces(machine: Machine, gathered: Gathered, tally: Tally) -> Iterator[bytes]:
    """Give the settings part as a tar: the index, then each item."""
    index = contents.dump(gathered.index)
    tally.files = 1 + len(gathered.found)
    yield header_bytes(Header(contents.INDEX, len(index))) + index + padding(len(index))
    for found in gathered.found:
        item = found.item
        yield header_bytes(Header(item.name, item.size, mode=item.mode))
        yield from found.pieces(machine)
        yield padding(item.size)
    yield END


def _counted(pieces: Iterable[bytes], tally: Tally) -> Iterator[bytes]:
    for piece in pieces:
        tally.unpacked += len(piece)
        yield piece
