"""Files as saves left them: what stands where now, and what stood there in each revision.

Contents are kept by digest, so that a file that did not change costs nothing.
"""

from __future__ import annotations

import hashlib
from typing import Any

import attrs

from mailstead.settings.cells import OwnedFile
from mailstead.settings.store import Store

COLUMNS = "path, module, sha256, mode, revision, base, choice, since, who, secret"


@attrs.frozen
class FileHistory:
    """The files of one store."""

    store: Store

    def owned(self) -> dict[str, OwnedFile]:
        """Give the files we wrote and still own, by path."""
        rows = self.store.run(f"SELECT {COLUMNS} FROM owned_files ORDER BY path")  # noqa: S608
        return {file.path: file for file in map(_owned, rows)}

    def record(self, file: OwnedFile, *contents: bytes) -> None:
        """Remember a file as its revision left it, and contents that it consists of."""
        with self.store.transaction():
            for content in contents:
                self._keep(content)
            self._put("owned_files", file)
            self._put("file_versions", file)

    def forget(self, path: str, module: str, revision: int) -> None:
        """Own a file no more; one that is not known is no error."""
        with self.store.transaction():
            self.store.run("DELETE FROM owned_files WHERE path = ?", (path,))
            self._put("file_versions", OwnedFile(path, module, "", 0, revision))

    def content(self, sha256: str) -> bytes | None:
        """Give a content by its digest."""
        found = self.store.run("SELECT content FROM contents WHERE sha256 = ?", (sha256,))
        row = found.fetchone()
        return None if row is None else bytes(row[0])

    def versions(self, path: str) -> tuple[OwnedFile, ...]:
        """Give a file's versions, newest first; where it was given up, its digest is empty."""
        return self._versions("path = ? ORDER BY revision DESC", path)

    def of_revision(self, number: int) -> tuple[OwnedFile, ...]:
        """Give the files that a revision wrote or gave up, by path."""
        return self._versions("revision = ? ORDER BY path", number)

    def as_of(self, path: str, number: int) -> OwnedFile | None:
        """Give a file as it was in a revision; ``None`` when it was not ours then."""
        where = "path = ? AND revision <= ? ORDER BY revision DESC LIMIT 1"
        found = self._versions(where, path, number)
        return found[0] if found and found[0].sha256 else None

    def revert(self, number: int, *, into: int) -> None:
        """Record in revision ``into`` that a revision's files are again what they were before."""
        with self.store.transaction():
            for file in self.of_revision(number):
                before = self.as_of(file.path, number - 1)
                if before is None:
                    self.forget(file.path, file.module, into)
                else:
                    self.record(attrs.evolve(before, revision=into))

    def _versions(self, where: str, *values: str | int) -> tuple[OwnedFile, ...]:
        select = f"SELECT {COLUMNS} FROM file_versions WHERE {where}"  # noqa: S608
        return tuple(map(_owned, self.store.run(select, values)))

    def _keep(self, content: bytes) -> None:
        digest = hashlib.sha256(content).hexdigest()
        self.store.run("INSERT OR IGNORE INTO contents VALUES (?, ?)", (digest, content))

    def _put(self, table: str, file: OwnedFile) -> None:
        values = attrs.asdict(file)
        marks = ", ".join(f":{name}" for name in COLUMNS.split(", "))
        insert = f"INSERT OR REPLACE INTO {table} ({COLUMNS}) VALUES ({marks})"  # noqa: S608
        self.store.run(insert, values)


def _owned(row: tuple[Any, ...]) -> OwnedFile:
    path, module, sha256, mode, revision, base, choice, since, who, secret = row
    return OwnedFile(path, module, sha256, mode, revision, base, choice, since, who, bool(secret))
