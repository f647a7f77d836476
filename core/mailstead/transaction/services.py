"""Decide what each daemon needs after a change: nothing, reload, restart, start or stop; once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from mailstead.context import Context
from mailstead.guard import Deadline
from mailstead.machine.base import ServiceControl
from mailstead.module import Daemon
from mailstead.registry import Registry
from mailstead.transaction.changes import FileChange, Rows, ServiceAction, Verb
from mailstead.transaction.daemons import Contents, DaemonQuestions

Controls = Callable[[Daemon], ServiceControl]


@attrs.frozen
class ServicePlanner:
    """Plans service actions from file changes and module states."""

    registry: Registry
    controls: Controls
    running: Context
    target: Context
    stopped_by_hand: frozenset[str]
    deadline: Deadline

    def actions(
        self,
        files: Sequence[FileChange],
        rows: Sequence[Rows] = (),
        databases: Sequence[str] = (),
    ) -> tuple[ServiceAction, ...]:
        """Give the actions in the order they are taken: stops first, then in boot order.

        Args:
            files: those that change.
            rows: those that are published.
            databases: system paths of those that are replaced as a whole.
        """
        contents: dict[str, tuple[bytes | None, bytes | None]] = dict.fromkeys(
            databases, (None, None)
        )
        contents |= {change.path: _contents(change) for change in files}
        saved = {change.path: _since_saved(change) for change in files}
        order = self.registry.boot_order(self.target.enabled)
        leaving = [name for name in self.running.enabled if not self.target.is_enabled(name)]
        stops = (self._stop(name, item) for name in reversed(leaving) for item in self._of(name))
        rest = (
            self._act(name, item, contents, saved) or self._tell(name, item, rows)
            for name in order
            for item in self._of(name)
        )
        return tuple(action for action in (*stops, *rest) if action is not None)

    def watched(self, actions: Sequence[ServiceAction]) -> tuple[ServiceAction, ...]:
        """Give what runs, is left alone, and belongs to a module that depends on one acted on."""
        acted = {action.module: None for action in actions}
        depending = {name: module for module in acted for name in self.registry.dependants(module)}
        found = (
            self._action(name, daemon, "watch", f"it depends on {depending[name]}", True)
            for name in self.target.enabled
            if name in depending and name not in acted and self.running.is_enabled(name)
            for daemon in self._of(name)
            if self.controls(daemon).state() is not None
        )
        return tuple(found)

    def _of(self, name: str) -> Iterable[Daemon]:
        return self.registry.module(name).daemons

    def _ask(self, name: str, daemon: Daemon) -> DaemonQuestions:
        return DaemonQuestions(self.deadline, name, daemon)

    def _stop(self, name: str, daemon: Daemon) -> ServiceAction | None:
        control = self.controls(daemon)
        is_running = control.state() is not None
        if not is_running and not control.at_boot():
            return None
        return self._action(name, daemon, "stop", "its module is disabled", is_running)

    def _act(
        self, name: str, daemon: Daemon, contents: Contents, saved: Contents
    ) -> ServiceAction | None:
        is_running = self.controls(daemon).state() is not None
        if not self._ask(name, daemon).is_wanted(self.target):
            if not is_running and not self.controls(daemon).at_boot():
                return None
            return self._action(name, daemon, "stop", "nothing for it to do", is_running)
        if not self.running.is_enabled(name):
            verb: Verb = "restart" if is_running else "start"
            return self._action(name, daemon, verb, "its module is enabled", is_running)
        relevant = _read_by(daemon, contents)
        if not is_running:
            return self._revive(name, daemon, relevant)
        return self._changed(name, daemon, relevant, saved) if relevant else None

    def _tell(self, name: str, daemon: Daemon, rows: Sequence[Rows]) -> ServiceAction | None:
        """Reload a daemon that may remember that it did not find a row that comes."""
        publications = self.registry.module(name).publications
        tables = {item.table for item in publications if item.reloads == daemon.name}
        come = (
            ", ".join(map(str, change.key.values()))
            for item in rows
            if item.module == name
            for change in item.changes
            if change.old is None and change.table in tables
        )
        first = next(come, "")
        if not first or self.controls(daemon).state() is None:
            return None
        reason = f"it may remember that {first} was not there"
        return self._action(name, daemon, "reload", reason, True)

    def _revive(self, name: str, daemon: Daemon, relevant: Contents) -> ServiceAction | None:
        """Start a dead daemon when its configuration changes, unless an admin stopped it."""
        started_to_have_work = not self._ask(name, daemon).is_wanted(self.running)
        if name in self.stopped_by_hand or not (relevant or started_to_have_work):
            return None
        return self._action(name, daemon, "start", "it was not running", False)

    def _changed(
        self, name: str, daemon: Daemon, relevant: Contents, saved: Contents
    ) -> ServiceAction | None:
        if daemon.on_change == "none":
            return None
        restart = self._restart_reason(name, daemon, relevant, _read_by(daemon, saved))
        if restart:
            return self._action(name, daemon, "restart", restart, True)
        reason = f"{', '.join(sorted(relevant))} changed"
        return self._action(name, daemon, daemon.on_change, reason, True)

    def _restart_reason(self, name: str, daemon: Daemon, *versions: Contents) -> str:
        """Ask by what stands there and by what was saved: an edit may have been read, or not."""
        ask = self._ask(name, daemon)
        return next(filter(None, map(ask.restart_reason, versions)), "")

    def _action(
        self, name: str, daemon: Daemon, verb: Verb, reason: str, was_running: bool
    ) -> ServiceAction:
        ask = self._ask(name, daemon)
        return ServiceAction(
            module=name,
            daemon=daemon,
            verb=verb,
            reason=reason,
            was_running=was_running,
            probes=ask.probes(self.target) if verb != "stop" else (),
            old_probes=ask.probes(self.running) if self.running.is_enabled(name) else (),
            at_boot=self._at_boot(daemon, verb) if verb != "watch" else None,
        )

    def _at_boot(self, daemon: Daemon, verb: Verb) -> bool | None:
        """What runs starts at boot too, and what is stopped does not; ``None``: it is so."""
        wanted = verb != "stop"
        return None if self.controls(daemon).at_boot() in (None, wanted) else wanted


def _read_by(daemon: Daemon, contents: Contents) -> Contents:
    return {p: c for p, c in contents.items() if p.startswith(tuple(daemon.reads))}


def _contents(change: FileChange) -> tuple[bytes | None, bytes | None]:
    old = change.old.content if change.old else None
    return old, change.new.content if change.new else None


def _since_saved(change: FileChange) -> tuple[bytes | None, bytes | None]:
    """Give what the last save left instead of what an admin made of it since."""
    old, new = _contents(change)
    return (change.edit.saved if change.edit and change.edit.saved is not None else old), new
