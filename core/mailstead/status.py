"""What each module is, and what its daemons do now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

from mailstead.errors import MailsteadError
from mailstead.hand_edits.edited_files import EditedFile, EditedFiles
from mailstead.modules import ModuleState
from mailstead.settings.decisions import Decisions
from mailstead.settings.file_history import FileHistory

if TYPE_CHECKING:
    from mailstead.engine import Engine
    from mailstead.module import Daemon
    from mailstead.settings.cells import Tree

State = Literal["broken", "blocked", "installed", "configured", "enabled"]
Doing = Literal["", "running", "stopped", "degraded"]


@attrs.frozen
class DaemonStatus:
    """A daemon and its main process id; ``None`` when it does not run, and should."""

    name: str
    pid: int | None


@attrs.frozen
class ModuleStatus:
    """One row of Module Status.

    Attributes:
        state: what the module is in running.
        enabled: it is enabled in running; one that is broken or blocked may be, too.
        changed: the draft holds unsaved changes of it.
        will_be: ``enabled`` or ``disabled`` when saving changes that, else empty.
        doing: what its daemons do; empty for a module without daemons or not enabled.
        edits: its files that are not as Mailstead left them; of an enabled module.
    """

    id: str
    title: str
    summary: str
    state: State
    enabled: bool
    changed: bool
    will_be: str
    doing: Doing
    daemons: tuple[DaemonStatus, ...]
    depends: tuple[str, ...]
    reason: str = ""
    edits: tuple[EditedFile, ...] = ()


@attrs.frozen
class StatusReader:
    """Reads the states of an engine's modules."""

    engine: Engine
    _files: EditedFiles = attrs.field(init=False)

    @_files.default
    def _edited_files(self) -> EditedFiles:
        store = self.engine.store
        owned, decided = FileHistory(store).owned(), Decisions(store).all()
        return EditedFiles(self.engine.machine, self.engine.instance, owned, decided)

    def modules(self) -> tuple[ModuleStatus, ...]:
        """Tell about every module in dependency order."""
        running, draft = self._enabled("running"), self._enabled("draft")
        changes = self.engine.store.draft_changes()
        changed = {change.section.split(".")[0] for change in changes}
        return tuple(
            self._module(name, running, draft, name in changed) for name in self.engine.registry.ids
        )

    def _enabled(self, tree: Tree) -> set[str]:
        rows = self.engine.context_settings(tree).rows(ModuleState)
        return {row.id for row in rows if row.enabled}

    def _module(self, name: str, running: set[str], draft: set[str], dirty: bool) -> ModuleStatus:
        entry = self.engine.registry.entry(name)
        toggled = (name in running) != (name in draft)
        will_be = ("enabled" if name in draft else "disabled") if toggled else ""
        daemons = self._daemons(name) if entry.status == "available" and name in running else ()
        return ModuleStatus(
            id=name,
            title=entry.manifest.title,
            summary=entry.manifest.summary,
            state=self._state(name, running),
            enabled=name in running,
            changed=dirty or toggled,
            will_be=will_be,
            doing=_doing(daemons),
            daemons=daemons,
            depends=entry.manifest.enable_depends,
            reason=entry.reason,
            edits=self._edits(name) if name in running else (),
        )

    def _state(self, name: str, running: set[str]) -> State:
        entry = self.engine.registry.entry(name)
        if entry.status != "available":
            return entry.status
        if name in running:
            return "enabled"
        paths = {item.path for item in entry.manifest.paths}
        consented = self.engine.store.consents(name)
        return "configured" if paths and paths <= consented else "installed"

    def _edits(self, name: str) -> tuple[EditedFile, ...]:
        usable = self.engine.registry.entry(name).status == "available"
        declared = self.engine.registry.module(name).files if usable else ()
        return tuple(self._files.of(name, declared))

    def _daemons(self, name: str) -> tuple[DaemonStatus, ...]:
        found = []
        for daemon in self.engine.registry.module(name).daemons:
            state = self.engine.controls(daemon).state()
            if state is not None or self._is_wanted(name, daemon):
                found.append(DaemonStatus(daemon.name, state.pid if state else None))
        return tuple(found)

    def _is_wanted(self, name: str, daemon: Daemon) -> bool:
        """Tell whether it shall run; one that its settings switch off is not missing."""
        if daemon.runs_when is None:
            return True
        from mailstead.transaction.daemons import DaemonQuestions

        ask = DaemonQuestions(self.engine.machine.deadline, name, daemon)
        try:
            return ask.is_wanted(self.engine.context("running"))
        except MailsteadError:
            return True


def _doing(daemons: tuple[DaemonStatus, ...]) -> Doing:
    if not daemons:
        return ""
    alive = sum(daemon.pid is not None for daemon in daemons)
    if alive == len(daemons):
        return "running"
    return "degraded" if alive else "stopped"
