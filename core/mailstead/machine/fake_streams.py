"""A fake machine's files: its tree, what is read and written piece by piece, whole databases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from mailstead.errors import MachineError
from mailstead.machine.fake_facts import FakeFacts
from mailstead.machine.fake_files import FakeTree
from mailstead.machine.fake_world import CallLog, Rows
from mailstead.machine.folders import refusals
from mailstead.machine.handles import ReadStream, WriteStream
from mailstead.machine.rows import require_identifier
from mailstead.machine.values import DatabaseState, Path

UNPRIVILEGED = 1000


class FakeReader:
    """Reads what a file held when it was opened."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0
        self.size = len(content)

    def read(self, size: int) -> bytes:
        """Read so many bytes."""
        piece = self._content[self._position : self._position + size]
        self._position += len(piece)
        return piece

    def seek(self, offset: int) -> None:
        """Go on from there."""
        self._position = offset


class FakeWriter:
    """Collects what is written; each piece is a call, so that the disk can be full at any."""

    def __init__(self, log: CallLog, path: Path) -> None:
        self.content = bytearray()
        self._log = log
        self._path = path

    def write(self, data: bytes) -> int:
        """Add bytes."""
        with refusals(self._path):
            self._log.note("write_stream", self._path, len(data))
        self.content += data
        return len(data)

    def tell(self) -> int:
        """Give the bytes so far."""
        return len(self.content)

    def rewrite(self, offset: int, data: bytes) -> None:
        """Write over earlier bytes."""
        self.content[offset : offset + len(data)] = data

    def cut(self, size: int) -> None:
        """Drop later bytes."""
        del self.content[size:]


class FakeStreams(FakeFacts):
    """Files and databases.

    Attributes:
        tree: the files.
        rows: published rows by database, table and key; an image is their JSON.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tree = FakeTree()
        self.rows: dict[Path, dict[str, Rows]] = {}

    @contextmanager
    def read_stream(self, path: Path) -> Iterator[ReadStream]:
        """Open a file."""
        with self._files(path, "read_stream", missing=True):
            reader = FakeReader(self.tree.read(path, 1 << 62))
        yield reader

    @contextmanager
    def replace_stream(self, path: Path, *, mode: int, uid: int, gid: int) -> Iterator[WriteStream]:
        """Write a file."""
        writer = FakeWriter(self.log, path)
        with self._files(path, "replace_stream", mode, uid, gid):
            self.tree.require_place(path)
            yield writer
            content = bytes(writer.content)
            self.tree.replace(path, content, mode=mode, uid=uid, gid=gid, attributes={})

    @contextmanager
    def add_stream(
        self, path: Path, *, mode: int, uid: int, gid: int, modified: float
    ) -> Iterator[WriteStream]:
        """Write a new file."""
        writer = FakeWriter(self.log, path)
        with self._files(path, "add_stream", mode, uid, gid):
            self.tree.require_folder_of(path)
            yield writer
            content = bytes(writer.content)
            self.tree.add(path, content, mode=mode, uid=uid, gid=gid, modified=modified)

    def copy_databases(self, copies: Mapping[Path, Path]) -> None:
        """Write the rows of databases to images."""
        for database, copy in copies.items():
            with self._files(database, "copy_databases", copy):
                self._require_database(database)
            with refusals(copy):
                content = _image_of(self.rows.get(database, {}))
                self.tree.replace(copy, content, mode=0o600, uid=0, gid=0)

    def inspect_database(self, database: Path, tables: Sequence[str]) -> DatabaseState:
        """Count rows of a database or an image."""
        with self._files(database, "inspect_database", tuple(tables)):
            found = self._tables_of(database)
        for name in tables:
            require_identifier(name)
        rows = {name: len(found.get(name, {})) for name in tables}
        return DatabaseState(rows, sha256(b"fake").hexdigest())

    def restore_database(self, database: Path, image: Path) -> None:
        """Take the rows of an image."""
        with self._files(database, "restore_database", image):
            self._require_database(database)
            self.rows[database] = self._tables_of(image)

    def _tables_of(self, path: Path) -> dict[str, Rows]:
        if path in self.rows:
            return self.rows[path]
        self._require_database(path)
        return _tables_in(self.tree.read(path, 1 << 62), path)

    def _require_database(self, path: Path) -> None:
        if self.tree.stat(path) is None:
            raise MachineError("the database does not exist", where=str(path))

    @contextmanager
    def _files(
        self,
        path: Path,
        name: str,
        *args: Any,
        missing: bool = False,
    ) -> Iterator[None]:
        self.tree.me = 0 if self.root else UNPRIVILEGED
        with refusals(path, missing=missing):
            self.log.note(name, path, *args)
            yield


def _image_of(tables: Mapping[str, Rows]) -> bytes:
    found = {name: [[list(key), row] for key, row in rows.items()] for name, rows in tables.items()}
    return json.dumps(found).encode()


def _tables_in(image: bytes, path: Path) -> dict[str, Rows]:
    try:
        found = json.loads(image or b"{}")
        return {
            name: {tuple((column, value) for column, value in key): row for key, row in rows}
            for name, rows in found.items()
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise MachineError("file is not a database", where=str(path)) from error
