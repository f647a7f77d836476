"""Restore a backup: look at what it would do, then save it like any change."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import TYPE_CHECKING

import attrs

from mailstead.backup.declared import declared, trees
from mailstead.backup.opening import OpenedArchive
from mailstead.backup.restoring import DatabaseChange, Restoring, restore_steps
from mailstead.backup.settings import ArchivedSettings, archived_settings
from mailstead.backup.trees import Added, TreeRestorer
from mailstead.errors import InvalidInput, MachineError, MailsteadError
from mailstead.guard import guarded
from mailstead.hand_edits.aside import Aside
from mailstead.transaction.changes import FileChange, Plan
from mailstead.transaction.request import Request

if TYPE_CHECKING:
    from mailstead.engine import Engine
    from mailstead.hand_edits.answers import Answer
    from mailstead.transaction.progress import Listener
    from mailstead.transaction.request import SaveResult

RESTORED_SECONDS = 600.0


@attrs.frozen
class RestorePlan:
    """What a restore would do.

    Attributes:
        plan: what saving the archive's settings does.
        settings: the settings themselves, and what of them is missing here.
        databases: those that are replaced.
        files: keys and files of the admin's own that are put.
        left_out: paths in the archive that no module here keeps.
    """

    plan: Plan
    settings: ArchivedSettings
    databases: tuple[DatabaseChange, ...]
    files: tuple[FileChange, ...]
    left_out: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to restore."""
        return self.plan.is_empty and not self.databases and not self.files


@attrs.frozen
class Restore:
    """One restore of an open archive.

    Attributes:
        leave: modules and sections whose settings stay as they are here.
        answers: what shall become of files edited by hand.
    """

    engine: Engine
    archive: OpenedArchive
    leave: Collection[str] = ()
    answers: Collection[Answer] = ()

    def plan(self) -> RestorePlan:
        """Make the plan; changes nothing. Raises InvalidInput, ArchiveError, PlanError."""
        store = self.engine.store
        if store.has_draft():
            hint = "run `mailstead save` or `mailstead discard` first"
            raise InvalidInput("there are unsaved changes", hint=hint)
        settings = archived_settings(self.engine, self.archive, self.leave)
        restoring = Restoring(self.engine, self.archive)
        with store.trial():
            settings.write(store, self.engine.actor, self.engine.machine.now())
            return RestorePlan(
                self.engine.plan(answers=self.answers),
                settings,
                restoring.databases(),
                restoring.files(),
                restoring.left_out(),
            )

    def save(self, agreed: RestorePlan, progress: Listener | None = None) -> SaveResult:
        """Save a plan that somebody agreed to, or leave everything as it was.

        Raises Locked while another save runs; MailsteadError when nothing was changed.
        """
        self._keep_replaced(agreed.files)
        self._fill_draft(agreed)
        try:
            request = Request(
                comment=f"restored from {self.archive.archive.path.name}",
                answers=self.answers,
                expected=agreed.plan.id,
                extra=lambda: restore_steps(self.engine, self.archive),
            )
            result = self.engine.save(request, progress=progress)
        except BaseException:
            self.engine.store.discard()
            raise
        if result.outcome in ("rolled back", "needs operator"):
            # Half of a restore in the draft would be saved by whoever saves next.
            self.engine.store.discard()
            self.archive.kept = result.outcome == "needs operator"
        return result

    def add_mail(self) -> Added:
        """Add the messages that are missing. Raises InvalidInput, ArchiveError, MachineError."""
        engine, archive = self.engine, self.archive.archive
        part = archive.require_mail()
        free = engine.machine.free_space(engine.instance.prefix)
        if part.unpacked > free:
            problem = f"{free >> 20} MiB are free, {(part.unpacked >> 20) + 1} MiB are needed"
            hint = "free some disk space"
            raise MachineError(problem, where=str(engine.instance.prefix), hint=hint)
        restorer = TreeRestorer(engine.machine, engine.instance, trees(engine.registry))
        archive.mail(self.archive.key, restorer.take)
        return restorer.result

    def finish(self) -> Iterator[str]:
        """Let modules put back what their restored data stands for; gives what they did.

        To be called after `save` and `add_mail`. What fails is among the words: the data is there.
        """
        context, machine = self.engine.context("running"), self.engine.machine
        brought = {item.path for item in self.archive.index.items}
        for path, item in declared(self.engine.registry).items():
            restored = item.backup.restored
            if restored and path in brought and context.is_enabled(item.module):
                call = partial(restored, context, machine)
                what = f"putting back what {path} holds"
                try:
                    yield guarded(
                        machine.deadline, item.module, what, call, seconds=RESTORED_SECONDS
                    )
                except MailsteadError as error:
                    yield str(error)

    def _fill_draft(self, agreed: RestorePlan) -> None:
        store, actor, now = self.engine.store, self.engine.actor, self.engine.machine.now()
        with store.transaction():
            agreed.settings.write(store, actor, now)
            agreed.settings.consent(store)
            for module, path in agreed.plan.consents:
                store.add_consents(module, [path], actor, now)

    def _keep_replaced(self, files: Collection[FileChange]) -> None:
        """Keep what is replaced of the admin's aside, as a save does with hand edits."""
        aside, now = Aside(self.engine.machine, self.engine.instance), self.engine.machine.now()
        for change in files:
            if change.old:
                aside.keep(change.path, change.old, who=self.engine.actor.name, at=now)
