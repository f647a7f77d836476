"""The steps of a save, as data. Each is safe to repeat, and so is its undo.

A step is recorded in the journal before it is taken. Undo needs nothing but the step.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from mailstead.machine.values import Path
from mailstead.transaction.changes import FileVersion, Rows, ServiceAction


@attrs.frozen
class MakeFolder:
    """Make a folder or set its rights. It stays when the save is undone: it may hold data."""

    path: Path
    mode: int
    owner: str
    group: str
    files_mode: int | None = None

    def __str__(self) -> str:
        return f"folder {self.path}"


@attrs.frozen
class ReplaceFile:
    """Replace what stands at a path; ``None`` is no file."""

    module: str
    path: str
    real: Path
    old: FileVersion | None
    new: FileVersion | None

    def __str__(self) -> str:
        return f"file {self.path}"


@attrs.frozen
class PublishRows:
    """Publish rows; undone by publishing them the other way round."""

    rows: Rows

    def __str__(self) -> str:
        return f"{len(self.rows.changes)} rows of {self.rows.module}"


@attrs.frozen
class RestoreDatabase:
    """Give a database the content of an image.

    ``new`` and ``old`` are images in a private folder. The old one is made by the step itself,
    as late as possible, since users and accounts change without a save.
    """

    path: Path
    old: Path
    new: Path

    def __str__(self) -> str:
        return f"database {self.path}"


@attrs.frozen
class ControlService:
    """Start, stop, reload or restart a daemon."""

    action: ServiceAction

    def __str__(self) -> str:
        return str(self.action)


Step: TypeAlias = MakeFolder | ReplaceFile | PublishRows | RestoreDatabase | ControlService
