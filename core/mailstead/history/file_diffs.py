"""Files as they stood on the disk in one revision and in another, line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Literal

import attrs

from mailstead.settings.cells import OwnedFile
from mailstead.settings.file_history import FileHistory

TOUCHED = """SELECT DISTINCT path FROM file_versions WHERE revision > ? AND revision <= ?
    ORDER BY path"""
What = Literal["created", "changed", "rights", "given up", "same"]


@attrs.frozen
class FileDiff:
    """What became of a file.

    Attributes:
        what: ``given up`` when it is not ours any more: removed, put back as it was before it
            was ours, or left; ``rights`` when only its mode differs; ``same`` when it was
            written again as it was.
        diff: unified, of what was created or changed; for a secret file, or one whose content
            is not kept, only the reason why there is none.
        choice: ``keep`` or ``merge`` where an admin's edit was kept or merged, ``by`` whom.
    """

    path: str
    module: str
    what: What
    diff: str
    choice: str = ""
    by: str = ""


@attrs.frozen
class FileDiffs:
    """Compares the files of one store's revisions."""

    files: FileHistory

    def between(self, start: int, end: int) -> Iterator[FileDiff]:
        """Give what became of each file that was written or given up between two revisions."""
        low, high = sorted((start, end))
        for (path,) in self.files.store.run(TOUCHED, (low, high)).fetchall():
            old, new = self.files.as_of(path, start), self.files.as_of(path, end)
            if old or new:
                yield self._compare(path, old, new, (start, end))

    def _compare(
        self, path: str, old: OwnedFile | None, new: OwnedFile | None, ends: tuple[int, int]
    ) -> FileDiff:
        known = new or old
        assert known is not None  # noqa: S101 - asked by between
        what = _what(old, new)
        diff = self._diff(path, old, new, ends) if what in ("created", "changed") else ""
        choice, by = (new.choice, new.who) if new and new.choice else ("", "")
        return FileDiff(path, known.module, what, diff, choice, by)

    def _diff(
        self, path: str, old: OwnedFile | None, new: OwnedFile | None, ends: tuple[int, int]
    ) -> str:
        sides = tuple(zip((old, new), ends, strict=True))
        if any(file.secret for file, _ in sides if file):
            return f"(secret content of {path}: not shown)\n"
        contents = [self.files.content(file.sha256) if file else b"" for file, _ in sides]
        for content, (_, number) in zip(contents, sides, strict=True):
            if content is None:
                return f"(the content of {path} in revision {number} is not kept)\n"
        before, after = (_lines(content or b"") for content in contents)
        start, end = (f"{path} (revision {number})" for number in ends)
        return "".join(difflib.unified_diff(before, after, start, end))


def _what(old: OwnedFile | None, new: OwnedFile | None) -> What:
    if old is None:
        return "created"
    if new is None:
        return "given up"
    if old.sha256 != new.sha256:
        return "changed"
    return "same" if old.mode == new.mode else "rights"


def _lines(content: bytes) -> list[str]:
    """Cut at line feeds alone, as editors and daemons do."""
    lines = content.decode("utf-8", "backslashreplace").split("\n")
    return [f"{line}\n" for line in (lines if lines[-1] else lines[:-1])]
