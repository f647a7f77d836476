"""Finish what a save left that was killed, lost power, or was never confirmed.

Runs before anything else, in whatever process opens the instance first, and at boot before
daemons start. With nothing to do it costs one list of a folder and one query. Running it
again changes nothing. It uses the journal alone: no plugin is imported, no setting read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import attrs

from mailstead.errors import OperatorNeeded, Unconfirmed
from mailstead.instance import Instance
from mailstead.journal.journal import Journal
from mailstead.journal.journal_file import JournalFile
from mailstead.journal.records import Record
from mailstead.journal.undo import Undo, Undone
from mailstead.machine.base import Machine
from mailstead.settings.audit import REVERTED, AuditLog
from mailstead.settings.cells import Actor
from mailstead.settings.file_history import FileHistory
from mailstead.settings.store import Store
from mailstead.transaction.execute import Executor
from mailstead.transaction.probe import Prober
from mailstead.transaction.progress import Progress
from mailstead.transaction.services import Controls
from mailstead.transaction.stage import sweep_staging
from mailstead.transaction.steps import RestoreDatabase

MYSELF = Actor("mailstead", "recovery")
Outcome = Literal["rolled back", "needs operator"]


@attrs.frozen
class Recovered:
    """A save that recovery ended.

    Attributes:
        revision: what the machine serves now.
        reason: what happened to the save, and what could not be put back.
        commands: what an operator must run.
    """

    outcome: Outcome
    record: Record
    revision: int
    reason: str
    commands: tuple[str, ...] = ()

    def __str__(self) -> str:
        who = f"the save by {self.record.actor.name} (plan {self.record.plan})"
        return f"{who} was undone: {self.reason}; revision {self.revision} is served"


@attrs.define
class Recovery:
    """Recovery of one instance.

    Attributes:
        store: ``None`` when the database is lost: then the journal's files are all there is.
        booting: daemons do not run yet.
    """

    machine: Machine
    instance: Instance
    controls: Controls
    store: Store | None
    progress: Progress = attrs.field(factory=Progress)
    booting: bool = False

    @property
    def journal(self) -> Journal | None:
        """Give the journal; ``None`` when the database is lost."""
        return Journal(self.store, self.file) if self.store else None

    @property
    def file(self) -> JournalFile:
        """Give the journal's copy in files."""
        return JournalFile(self.machine, self.instance.state_path("journal"))

    def is_due(self) -> bool:
        """Tell whether there may be something to do; cheap, and needs no lock."""
        if self.machine.list_directory(self.instance.state_path("staging")):
            return True
        found = self.journal.unfinished() if self.journal else None
        if found is None:
            return not self.file.is_idle()
        return found.phase == "prepared" or self.has_expired(found) or not self.file.is_tidy()

    def run(self, *, retry: bool = False) -> Recovered | None:
        """Recover; the lock is held by the caller. Gives ``None`` when nothing was to be done.

        ``retry`` also tries again what needed an operator. Raises MachineError where a newer
        version must finish its own work.
        """
        self._sweep()
        if self.journal is None:
            return self._from_files()
        record = self.journal.unfinished()
        if record is None:
            self.journal.sweep()
            self.file.forget_undone()
            return None
        if record.phase == "confirming" and not self.has_expired(record):
            return None
        if record.phase == "needs operator" and not retry:
            return None
        return self.undo(record, _words(record, booting=self.booting))

    def settle(self) -> None:
        """Come to an end with earlier saves before another begins; the lock is held.

        Raises Unconfirmed, OperatorNeeded.
        """
        self.run(retry=True)
        record = self.journal.unfinished() if self.journal else None
        if record is None:
            return
        if record.phase == "confirming":
            hint = "run `mailstead confirm` over a new connection, or `mailstead revert`"
            problem = f"revision {record.revision} waits to be confirmed"
            raise Unconfirmed(problem, where=f"saved by {record.actor.name}", hint=hint)
        hint = f"run: {'; '.join(record.commands)}"
        raise OperatorNeeded(record.reason, where=f"plan {record.plan}", hint=hint)

    def _sweep(self) -> None:
        """Remove what processes that were killed left beside their files."""
        sweep_staging(self.machine, self.instance)
        folders = self.file.announced()
        if folders is not None:
            for folder in folders:
                self.machine.sweep(folder)
        if not self.file.is_tidy():
            self.machine.sweep(self.file.folder)
            self.file.conclude()

    def undo(self, record: Record, reason: str) -> Recovered:
        """Undo a save and record how that ended."""
        undone = Undone() if self.file.was_undone(record) else self._undo(record)
        reason = "\n".join((reason, *_remarks(record), *undone.remarks))
        if not undone.failures:
            self._remove_images(record)
        revision = self._end(record, undone, reason)
        outcome: Outcome = "rolled back" if undone.is_whole else "needs operator"
        return Recovered(outcome, record, revision, reason, undone.commands)

    def _remove_images(self, record: Record) -> None:
        """Remove what a restore that was killed had unpacked: nobody else will."""
        steps = (taken.step for taken in record.steps)
        for folder in {s.old.parent for s in steps if isinstance(s, RestoreDatabase)}:
            self.machine.remove_tree(folder)

    def _undo(self, record: Record) -> Undone:
        prober = Prober(self.machine, self.controls, self.instance.soak)
        executor = Executor(self.machine, self.controls)
        return Undo(executor, prober, self.progress, self.booting).run(record.steps)

    def _end(self, record: Record, undone: Undone, reason: str) -> int:
        """Record the end; gives the revision that is served."""
        if self.store is None or self.journal is None:
            if not undone.failures:
                self.file.mark_undone(record)
            return record.base
        served = record.base if record.revision is None else record.revision
        with self.store.transaction():
            if record.revision is not None and not undone.failures:
                served = self._revert(record.revision)
            self.journal.ended(record.id, undone.phase, reason, undone.commands)
        self.file.forget_undone()
        return served

    def _revert(self, number: int) -> int:
        """Let the settings follow: what nobody confirmed goes back to the draft.

        Gives the revision that this makes.
        """
        assert self.store is not None  # noqa: S101 - asked by _end
        comment = f"revision {number} was not confirmed"
        made = self.store.revert(number, MYSELF, self.machine.now(), comment)
        FileHistory(self.store).revert(number, into=made)
        now = self.machine.now()
        AuditLog(self.store).note(REVERTED, comment, MYSELF, now, None, str(number))
        return made

    def _from_files(self) -> Recovered | None:
        found = None
        for number in reversed(self.file.ids()):
            found = self.undo(self.file.read(number), "the process ended and the settings are lost")
        return found

    def has_expired(self, record: Record) -> bool:
        """Tell whether a save waited to be confirmed in vain; a boot ends the wait."""
        wait = record.wait
        if record.phase != "confirming" or wait is None:
            return False
        return self.machine.boot_id() != wait.boot or self.machine.boot_clock() >= wait.deadline


def _words(record: Record, *, booting: bool) -> str:
    if record.phase == "confirming":
        return "it was not confirmed in time"
    if record.reason:  # it needed an operator, or was taken back
        return record.reason
    return "the machine was restarted before it ended" if booting else "its process ended early"


def _remarks(record: Record) -> Iterable[str]:
    if not any(taken.begun for taken in record.steps):
        yield "nothing had been changed yet"
    for number in record.damaged:
        yield f"the journal's record of step {number + 1} is damaged and was passed over"
