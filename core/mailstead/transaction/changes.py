"""What a plan would do, as data: files, service actions, packages, rows, consents."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import attrs

from mailstead.machine.values import Path, RowChange
from mailstead.module import Account, Daemon, Folder, Generated, Probe
from mailstead.settings.cells import Change
from mailstead.transaction.identity import identify
from mailstead.transaction.lines import lines_of

if TYPE_CHECKING:
    from mailstead.hand_edits.hand_edit import HandEdit

Verb = Literal["start", "stop", "reload", "restart", "watch"]


@attrs.frozen
class FileVersion:
    """A file's content and rights; owner and group by number, -1 when not known yet.

    ``attributes`` are the extended ones, ACLs among them; ``None`` leaves those that are there.
    They take no part in comparisons: a save changes none.
    """

    content: bytes = attrs.field(repr=False)
    mode: int
    uid: int
    gid: int
    attributes: Mapping[str, bytes] | None = attrs.field(default=None, eq=False)

    @property
    def sha256(self) -> str:
        """Give the digest of the content."""
        return hashlib.sha256(self.content).hexdigest()


@attrs.frozen
class FileChange:
    """One file a save writes or removes.

    Attributes:
        path: system path.
        real: the path in this instance.
        old: what stands there now; ``None`` when nothing does.
        new: what will stand there; ``None`` when it is removed.
        owner, group: names of the new owner.
        foreign: what stands there was not written by Mailstead.
        edit: what stands there was written by Mailstead and edited since.
        note: what else a person must know of it.
    """

    module: str
    path: str
    real: Path
    old: FileVersion | None
    new: FileVersion | None
    owner: str = "root"
    group: str = "root"
    reason: str = ""
    secret: bool = False
    foreign: bool = False
    edit: HandEdit | None = None
    note: str = ""

    @property
    def edited(self) -> bool:
        """Tell whether what stands there was edited by hand."""
        return self.edit is not None

    @property
    def kind(self) -> str:
        """Say in one word what happens to the file."""
        if self.edit and self.edit.choice in ("keep", "merge"):
            return self.edit.choice
        if self.old is None:
            return "create"
        if self.new is None:
            return "remove"
        if self.old == self.new:
            return "confirm"
        return "rights" if self.old.content == self.new.content else "change"

    def diff(self) -> str:
        """Give a unified diff; for a secret file only that it changes."""
        if self.secret:
            return f"(secret content of {self.path}: not shown)\n"
        lines = difflib.unified_diff(
            _lines(self.old), _lines(self.new), f"{self.path} (now)", f"{self.path} (planned)"
        )
        return "".join(lines)


def _lines(version: FileVersion | None) -> list[str]:
    return list(lines_of(version.content if version else b""))


@attrs.frozen
class ServiceAction:
    """One thing done to one daemon, once, with the reason.

    ``was_running`` and the probes are what undo needs: what ran before must run again.
    ``watch`` does nothing to a daemon that may suffer by what is done to another: it must answer
    afterwards as it did before.
    ``at_boot`` is whether it shall start at boot from now on; ``None`` leaves that as it is.
    """

    module: str
    daemon: Daemon
    verb: Verb
    reason: str
    was_running: bool
    probes: tuple[Probe, ...] = ()
    old_probes: tuple[Probe, ...] = ()
    at_boot: bool | None = None

    def __str__(self) -> str:
        boot = {None: "", True: ", also at boot", False: ", also no longer at boot"}
        return f"{self.verb} {self.daemon.name}{boot[self.at_boot]}"


@attrs.frozen
class Rows:
    """Row changes of one database."""

    module: str
    database: Path
    changes: tuple[RowChange, ...]


@attrs.frozen
class Plan:
    """Everything one save would do, shown before it is done.

    Attributes:
        forgotten: system paths that stay as they are and are no longer ours.
        notes: what a person must know besides.
        uses: system paths of the admin's own templates and snippets that have a part in it.
    """

    revision: int
    changes: tuple[Change, ...] = ()
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    folders: tuple[Folder, ...] = ()
    generated: tuple[tuple[str, Generated], ...] = ()
    files: tuple[FileChange, ...] = ()
    rows: tuple[Rows, ...] = ()
    services: tuple[ServiceAction, ...] = ()
    watched: tuple[ServiceAction, ...] = ()
    consents: tuple[tuple[str, str], ...] = ()
    edits: tuple[HandEdit, ...] = ()
    checks: tuple[str, ...] = ()
    unchecked: str = ""
    forgotten: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Give the files edited by hand that somebody must decide about."""
        return tuple(edit.path for edit in self.edits if edit.asks)

    @property
    def kept(self) -> tuple[str, ...]:
        """Give the files edited by hand that are left alone."""
        return tuple(edit.path for edit in self.edits if edit.is_left_alone)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do."""
        to_do = (self.changes, self.packages, self.accounts, self.folders, self.generated,
                 self.files, self.rows, self.services)  # fmt: skip
        return not any(to_do)

    @property
    def id(self) -> str:
        """Name the plan by its content: another draft, file or action gives another id."""
        return identify(self)
