"""Files edited by hand: look at them, decide what becomes of them, get back what was kept.

Part of the engine (`Engine.edits`). A decision waits for the next save, which carries it out.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import attrs

from mailstead.errors import NotFound
from mailstead.hand_edits.answers import Answer, find
from mailstead.hand_edits.aside import Aside, Kept
from mailstead.hand_edits.hand_edit import HandEdit, digest
from mailstead.machine.base import Machine
from mailstead.settings.audit import AuditLog
from mailstead.settings.cells import Actor, encode
from mailstead.settings.decisions import Decision, Decisions
from mailstead.settings.file_history import FileHistory
from mailstead.settings.store import Store
from mailstead.transaction.changes import FileVersion
from mailstead.transaction.files import read_version
from mailstead.transaction.plan import Planner
from mailstead.transaction.progress import Progress


@attrs.frozen
class Edits:
    """The hand edits of one instance, and what was kept aside of earlier ones.

    Attributes:
        actor: who decides.
        turn: holds the lock of saves.
    """

    planner: Planner
    actor: Actor
    turn: Callable[[], AbstractContextManager[None]]

    @property
    def _machine(self) -> Machine:
        return self.planner.machine

    @property
    def _aside(self) -> Aside:
        return Aside(self._machine, self.planner.contexts.instance)

    @property
    def _store(self) -> Store:
        return self.planner.contexts.store

    @property
    def _decisions(self) -> Decisions:
        return Decisions(self._store)

    def all(self) -> tuple[HandEdit, ...]:
        """Give every hand edit with what the plan would make of it. Raises PlanError."""
        return self.planner.plan(Progress(), check=False).edits

    def look(self, path: str) -> HandEdit:
        """Give a file's edit as a plan sees it. Raises NotFound, PlanError."""
        return find(self.all(), path)

    def decide(self, answer: Answer) -> HandEdit:
        """Decide what the next save does with a file; gives the edit as it is decided.

        Raises NotFound, PlanError; InvalidInput for a merge that cannot be made.
        """
        plan = self.planner.plan(Progress(), check=False, answers=[answer])
        edit = find(plan.edits, answer.path)
        if edit.decision is None:  # it is so already
            self._decisions.drop([answer.path])
            return edit
        yours, ours = edit.version.sha256, digest(edit.ours)
        now = self._machine.now()
        decision = Decision(answer.path, answer.choice, yours, ours, answer.conflicts,
                            self.actor.name, now)  # fmt: skip
        with self._store.transaction():
            self._decisions.put(decision)
            self._note("decided", answer.path, now, answer.choice)
        return edit

    def ask_again(self, path: str) -> None:
        """Take a decision back that no save has carried out. Raises NotFound."""
        if path not in self._decisions.all():
            raise NotFound("nothing is decided about it", where=path)
        with self._store.transaction():
            self._decisions.drop([path])
            self._note("decided", path, self._machine.now(), None)

    def kept_aside(self, path: str = "") -> tuple[Kept, ...]:
        """List what saves replaced of hand edits, of a file or of all, newest first."""
        return self._aside.versions(path)

    def restore(self, path: str, version: str = "") -> Kept:
        """Put a version that was kept aside back, as a hand edit: the latest, or by its id.

        What an admin made of the file since is kept aside first. Its rights stay as they are.
        Raises NotFound, Locked; MachineError where no file can be written.
        """
        instance = self.planner.contexts.instance
        with self.turn():
            kept = self._aside.find(path, version)
            real = instance.path(path)
            now = read_version(self._machine, real)
            if now is not None:
                self._keep(path, now)
            rights = now or kept.version
            self._machine.replace_file(
                real, kept.version.content, mode=rights.mode, uid=rights.uid, gid=rights.gid
            )
            self._note("restored", path, self._machine.now(), kept.id)
        return kept

    def _note(self, event: str, path: str, at: float, new: str | None) -> None:
        AuditLog(self._store).note(event, path, self.actor, at, None, encode(new))

    def _keep(self, path: str, now: FileVersion) -> None:
        """Keep what stands there aside, unless we rendered it."""
        owned = FileHistory(self._store).owned().get(path)
        if owned is None or now.sha256 != owned.base:
            self._aside.keep(path, now, who=self.actor.name, at=self._machine.now())
