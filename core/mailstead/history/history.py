"""The past of one instance: what was saved, by whom, what it changed, and what was tried.

Reading it costs what is shown, however long it is. Secrets are masked here, so that no client
can forget to.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import attrs

from mailstead.errors import NotFound
from mailstead.history.entries import Entries, Entry
from mailstead.history.settings_history import SettingsHistory
from mailstead.machine.base import Machine
from mailstead.settings.cells import Actor, Change, mask
from mailstead.settings.schema import Schema
from mailstead.settings.store import Store

if TYPE_CHECKING:
    from mailstead.history.file_diffs import FileDiff
    from mailstead.history.retention import Pruned
    from mailstead.transaction.changes import Plan

LIMIT = 20


@attrs.frozen
class Difference:
    """What leads from one revision to another; ``end`` is ``None`` for the draft."""

    start: int
    end: int | None
    changes: tuple[Change, ...]
    files: tuple[FileDiff, ...] = ()


@attrs.frozen
class History:
    """The history of one engine, which makes it.

    Attributes:
        turn: holds the lock of saves.
    """

    machine: Machine
    store: Store
    schema: Schema
    actor: Actor
    turn: Callable[[], AbstractContextManager[None]]

    def entries(self, limit: int = LIMIT, before: int | None = None) -> tuple[Entry, ...]:
        """Give the last revisions, and the saves that became none, newest first."""
        return Entries(self.store).last(limit, before)

    def served(self) -> tuple[Entry | None, Entry | None]:
        """Give the revision that is served, and the save that needs an operator to be undone."""
        found = Entries(self.store)
        return found.revision(self.store.revision()), found.failed()

    def entry(self, number: int) -> Entry:
        """Give a revision and how it ended. Raises NotFound."""
        found = Entries(self.store).revision(number)
        if found is None:
            raise self._unknown(number)
        return found

    def changes(self, number: int) -> tuple[Change, ...]:
        """Give what a revision changed, each setting by its own author; nothing once pruned."""
        return self._masked(self.store.changes_of(number)) if self._is_kept(number) else ()

    def files(self, number: int) -> tuple[FileDiff, ...]:
        """Give the files that a revision wrote or gave up, compared with those before."""
        return self._files(number - 1, number) if self._is_kept(number) else ()

    def diff(self, start: int | None = None, end: int | None = None) -> Difference:
        """Compare two revisions, or one with what is served, or that with the draft.

        0 is what was before the first. Raises NotFound.
        """
        served = self.store.revision()
        if start is None:
            return Difference(served, None, self._masked(self.store.draft_changes()))
        end = served if end is None else end
        for number in (start, end):
            if not 0 <= number <= served:
                raise self._unknown(number)
        changes = self._masked(SettingsHistory(self.store).net(start, end))
        files = tuple(item for item in self._files(start, end) if item.what != "same")
        return Difference(start, end, changes, files)

    def remember(self, plan: Plan) -> None:
        """Remember a plan that is shown, so that a save that finds another tells what moved."""
        from mailstead.transaction.outline import PlanMemory, outline_of

        if not plan.is_empty:
            outline = outline_of(self.schema, plan)
            PlanMemory(self.store).remember(outline, self.actor, self.machine.now())

    def pin(self, number: int, why: str) -> None:
        """Keep a revision, and all since, through any pruning. Raises NotFound."""
        from mailstead.history.retention import Retention

        self.entry(number)
        with self.store.transaction():
            Retention(self.store).pin(number, why, self.actor, self.machine.now())
            self._audit("pinned", f"revision {number}: {why}")

    def unpin(self, number: int) -> None:
        """Let pruning drop a revision. Raises NotFound."""
        from mailstead.history.retention import Retention

        with self.store.transaction():
            Retention(self.store).unpin(number)
            self._audit("unpinned", f"revision {number}")

    def prune(self, keep: int) -> Pruned:
        """Drop what is older than the last revisions, but for what is pinned or in use.

        Raises InvalidInput, Locked.
        """
        from mailstead.history.retention import Retention

        with self.turn(), self.store.transaction():
            found = Retention(self.store).prune(keep, self.actor, self.machine.now())
            self._audit("pruned", f"what is older than revision {found.first}")
            return found

    def _audit(self, event: str, subject: str) -> None:
        from mailstead.settings.audit import AuditLog

        AuditLog(self.store).note(event, subject, self.actor, self.machine.now())

    def _is_kept(self, number: int) -> bool:
        return number >= SettingsHistory(self.store).first()

    def _files(self, start: int, end: int) -> tuple[FileDiff, ...]:
        from mailstead.history.file_diffs import FileDiffs
        from mailstead.settings.file_history import FileHistory

        return tuple(FileDiffs(FileHistory(self.store)).between(start, end))

    def _masked(self, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        return tuple(mask(self.schema, change) for change in changes)

    def _unknown(self, number: int) -> NotFound:
        last = self.store.revision()
        hint = f"the last is {last}" if last else "nothing was saved yet"
        return NotFound("there is no such revision", where=f"revision {number}", hint=hint)
