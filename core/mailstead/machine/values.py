"""What a machine tells and is told, as data: files, processes, sockets, rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Literal

import attrs

Path = PurePosixPath


@attrs.frozen
class Completed:
    """A command that ended: its exit status and what it printed, decoded as UTF-8."""

    status: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Give standard error and output together, as a person would have read them."""
        return "\n".join(part.strip() for part in (self.stderr, self.stdout) if part.strip())


@attrs.frozen
class FileState:
    """What stands at a path; symbolic links are not followed.

    ``modified`` is in seconds since the epoch: for showing, never for telling files apart.
    """

    kind: Literal["file", "directory", "link", "other"]
    mode: int
    uid: int
    gid: int
    size: int
    modified: float = 0.0


@attrs.frozen
class ProcessState:
    """A running process. ``started`` is in clock ticks since boot, so a reused id differs."""

    pid: int
    started: int
    name: str


@attrs.frozen
class Listener:
    """A listening TCP socket and the process that holds it, where it can be known."""

    address: str
    port: int
    pid: int | None
    process: str


@attrs.frozen
class NetworkInterface:
    """A network interface as the system has it now."""

    name: str
    addresses: tuple[str, ...]
    up: bool


@attrs.frozen
class RowChange:
    """One row of a published table: ``old`` and ``new`` are whole rows; ``None`` is no row.

    Undoing a change is applying it with old and new exchanged.
    """

    table: str
    key: Mapping[str, str | int | None]
    old: Mapping[str, str | int | None] | None
    new: Mapping[str, str | int | None] | None


@attrs.frozen
class DatabaseState:
    """What a look at a database shows: rows by table, and a name for its schema."""

    rows: Mapping[str, int]
    schema: str
