"""Take and undo steps."""

from __future__ import annotations

import attrs

from mailstead.errors import MachineError
from mailstead.machine.base import Machine
from mailstead.machine.values import Path, RowChange
from mailstead.module import Daemon
from mailstead.transaction.changes import FileVersion, ServiceAction, Verb
from mailstead.transaction.files import UNKNOWN_ID, read_version
from mailstead.transaction.services import Controls
from mailstead.transaction.steps import (
    ControlService,
    MakeFolder,
    PublishRows,
    ReplaceFile,
    RestoreDatabase,
    Step,
)

# What to do to a daemon that ran before and runs now. One that was stopped may have been started
# again by an undo that could not put all files back.
_REVERSE: dict[Verb, Verb] = {
    "reload": "reload", "restart": "restart", "stop": "reload", "watch": "watch",
}  # fmt: skip


@attrs.frozen
class Executor:
    """Takes steps on a machine."""

    machine: Machine
    controls: Controls

    def take(self, step: Step) -> None:
        """Take a step. Raises MachineError."""
        match step:
            case MakeFolder():
                self._make_folder(step)
            case ReplaceFile():
                self._refuse_moved(step)
                self._put(step.real, step.new)
            case PublishRows():
                self.machine.apply_rows(step.rows.database, step.rows.changes)
            case RestoreDatabase():
                self._restore(step)
            case ControlService():
                self._control(step.action.daemon, step.action.verb)
                if step.action.at_boot is not None:
                    self.controls(step.action.daemon).set_at_boot(step.action.at_boot)

    def undo(self, step: Step) -> bool:
        """Undo a step, also one that was taken only in part.

        Gives False where somebody else has changed the file since: theirs is not lost.
        Raises MachineError.
        """
        match step:
            case MakeFolder():
                return True
            case ReplaceFile():
                return self._put_back(step)
            case PublishRows():
                self.machine.apply_rows(step.rows.database, [_swap(c) for c in step.rows.changes])
                return True
            case RestoreDatabase():
                if self.machine.stat_file(step.old) is not None:
                    self.machine.restore_database(step.path, step.old)
                return True
            case ControlService():
                self.undo_service(step.action)
                return True

    def undo_service(self, action: ServiceAction, *, booting: bool = False) -> None:
        """Let a daemon run, or not, as it did before. Raises MachineError.

        Args:
            action: what was done to it.
            booting: leave it to the system to start it, and see only to what it starts.
        """
        control = self.controls(action.daemon)
        if action.at_boot is not None:
            control.set_at_boot(not action.at_boot)
        if booting:
            return
        is_running = control.state() is not None
        if not action.was_running:
            if is_running:
                control.stop()
        elif not is_running:
            control.start()
        else:
            self._control(action.daemon, _REVERSE[action.verb])

    def _make_folder(self, step: MakeFolder) -> None:
        uid, gid = self._ids(step.owner, step.group)
        self._make_parents(step.path)
        self.machine.make_directory(step.path, mode=step.mode, uid=uid, gid=gid)
        if step.files_mode is None:
            return
        for name in self.machine.list_directory(step.path):
            self.machine.set_owner(step.path / name, mode=step.files_mode, uid=uid, gid=gid)

    def _make_parents(self, path: Path) -> None:
        for parent in reversed(path.parents):
            if self.machine.stat_file(parent) is None:
                self.machine.make_directory(parent, mode=0o755, uid=0, gid=0)

    def _ids(self, owner: str, group: str) -> tuple[int, int]:
        user, gid = self.machine.user(owner), self.machine.group(group)
        if user is None or gid is None:
            raise MachineError(f"the system has no user {owner} or no group {group}")
        return user[0], gid

    def _refuse_moved(self, step: ReplaceFile) -> None:
        if read_version(self.machine, step.real) != step.old:
            hint = "make the plan again"
            raise MachineError("the file changed since the plan", where=step.path, hint=hint)

    def _put(self, path: Path, version: FileVersion | None) -> None:
        if version is None:
            self.machine.remove_file(path)
            return
        if UNKNOWN_ID in (version.uid, version.gid):
            raise MachineError("its owner does not exist on this system", where=str(path))
        self._make_parents(path)
        self.machine.replace_file(
            path,
            version.content,
            mode=version.mode,
            uid=version.uid,
            gid=version.gid,
            attributes=version.attributes,
        )

    def _put_back(self, step: ReplaceFile) -> bool:
        """Put the old file back, unless somebody wrote another since."""
        now = read_version(self.machine, step.real)
        if now == step.new:
            self._put(step.real, step.old)
            return True
        return now == step.old

    def _restore(self, step: RestoreDatabase) -> None:
        # An image that is there is from this step, taken before: the database may be new by now.
        if self.machine.stat_file(step.old) is None:
            self.machine.copy_databases({step.path: step.old})
        self.machine.restore_database(step.path, step.new)

    def _control(self, daemon: Daemon, verb: Verb) -> None:
        if verb != "watch":
            getattr(self.controls(daemon), verb)()


def _swap(change: RowChange) -> RowChange:
    return attrs.evolve(change, old=change.new, new=change.old)
