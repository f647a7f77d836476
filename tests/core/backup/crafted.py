"""Archives made by hand: good ones, and those that nobody but a forger would make."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Sequence
from hashlib import sha256

import attrs

from mailstead.backup import contents, manifest
from mailstead.backup.archive import opened
from mailstead.backup.contents import Index, Item
from mailstead.backup.flow import Pieces, packed
from mailstead.backup.headers import END, Header, header_bytes, padding
from mailstead.backup.manifest import KEY, MAIL, SEALED, SETTINGS, Manifest, Part
from mailstead.backup.seal import Key
from mailstead.machine.fake import FakeMachine
from mailstead.machine.values import Path

PATH = Path("/backup.tar")
MADE = Manifest("0.1.0", "mail", "2026-05-17T08:30:00Z", 7, ())


class Bytes:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, data: bytes) -> int:
        """Keep bytes."""
        self.content += data
        return len(data)


def item(name: str = contents.STORE, content: bytes = b"store") -> Item:
    """Describe a member of the settings part."""
    kind = name.partition("/")[0] if "/" in name else "settings"
    path = name.removeprefix(kind) if "/" in name else ""
    digest = sha256(content).hexdigest()
    return Item(name, kind, len(content), digest, path)  # type: ignore[arg-type]


def member(header: Header, content: bytes = b"") -> bytes:
    """Give a member of a tar."""
    return header_bytes(header) + content + padding(len(content))


def foreign(name: str, kind: bytes, **fields: object) -> bytes:
    """Give a member that our own writer would not write."""
    info = tarfile.TarInfo(name)
    info.type = kind
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def settings_tar(items: Sequence[tuple[str, bytes]], index: bytes | None = None) -> bytes:
    """Give the tar of a settings part."""
    if index is None:
        index = contents.dump(Index(tuple(item(name, content) for name, content in items)))
    head = member(Header(contents.INDEX, len(index)), index)
    rest = b"".join(member(Header(name, len(content)), content) for name, content in items)
    return head + rest + END


GOOD = [
    (contents.STORE, b"store"),
    ("sqlite/var/lib/a.db", b"rows" * 200),
    ("file/etc/mailstead/x", b""),
]


@attrs.frozen
class Crafted:
    """Parts of an archive before they are packed and put together."""

    settings: bytes = settings_tar(GOOD)
    files: int = 1 + len(GOOD)
    mail: bytes | None = None
    mail_files: int = 0
    key: Key | None = None
    made: Manifest = MADE

    def parts(self) -> list[tuple[str, bytes, int, int]]:
        """Give name, stored content, number of files and unpacked size of each part."""
        return self.parts_with(self.key.lock("correct horse") if self.key else b"")

    def parts_with(self, locked: bytes) -> list[tuple[str, bytes, int, int]]:
        """Give the same with a locked key."""
        sealed = SEALED if self.key else ""
        found = [(KEY, locked, 0, 0)] if self.key else []
        found.append(
            (SETTINGS + sealed, self.stored(self.settings), self.files, len(self.settings))
        )
        if self.mail is not None:
            mail = self.stored(self.mail)
            found.append((MAIL + sealed, mail, self.mail_files, len(self.mail)))
        return found

    def stored(self, tar: bytes) -> bytes:
        """Pack a tar, and encrypt it when there is a key."""
        pieces = packed([tar], 6)
        if self.key is None:
            return b"".join(pieces)
        sink = Bytes()
        self.key.encrypt(Pieces(pieces), sink)
        return sink.content

    def archive(self) -> bytes:
        """Put it together."""
        return outer(self.made, self.parts())


def outer(made: Manifest, parts: Iterable[tuple[str, bytes, int, int]]) -> bytes:
    """Give an archive of parts with the manifest that fits."""
    found = list(parts)
    declared = tuple(
        Part(name, len(content), sha256(content).hexdigest(), files, unpacked)
        for name, content, files, unpacked in found
    )
    return outer_with(manifest.dump(attrs.evolve(made, parts=declared)), found)


def outer_with(content: bytes, parts: Iterable[tuple[str, bytes, int, int]]) -> bytes:
    """Give an archive of parts with any manifest."""
    body = b"".join(member(Header(name, len(stored)), stored) for name, stored, *_ in parts)
    return body + member(Header(manifest.NAME, len(content)), content) + END


def verify(content: bytes, key: Key | None = None) -> Index:
    """Verify an archive on a machine where nothing may be written."""
    machine = FakeMachine()
    machine.add_file(PATH, content)
    with opened(machine, PATH) as archive:
        index = archive.verify(key)
    assert {name for name, _ in machine.calls} == {"read_stream"}
    return index


def tar_names(content: bytes) -> list[str]:
    """Give the names in a tar as Python's own reader sees them."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return tar.getnames()
