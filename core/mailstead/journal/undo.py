"""Undo the steps of a save, by what the journal says of them and nothing else.

The same for a save that failed, one that was killed, and one that nobody confirmed. Each undo
looks at what is there first, so it may be repeated, also when it was itself interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from mailstead.errors import MailsteadError
from mailstead.journal.records import Phase, Taken
from mailstead.machine.values import Path
from mailstead.transaction.changes import ServiceAction, Verb
from mailstead.transaction.execute import Executor
from mailstead.transaction.probe import Prober
from mailstead.transaction.progress import Progress
from mailstead.transaction.steps import ControlService, MakeFolder, ReplaceFile, Step

# What is done to a daemon whose turn had not come, when files were written already.
_AGAIN: dict[Verb, Verb] = {"reload": "reload", "restart": "reload", "watch": "watch"}


@attrs.frozen
class Undone:
    """What became of an undo.

    Attributes:
        failures: steps that could not be undone, with the reason.
        unproven: why the old configuration is not believed to serve.
        left: files that somebody else changed meanwhile, which were left to them.
        commands: what an operator must run.
    """

    failures: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Tell whether everything is as it was, and proven."""
        return not (self.failures or self.unproven)

    @property
    def phase(self) -> Phase:
        """Give how the journal remembers it; only what may be tried again stays open."""
        if self.failures:
            return "needs operator"
        return "unproven" if self.unproven else "rolled back"

    @property
    def remarks(self) -> tuple[str, ...]:
        """Tell what was not put back."""
        left = (f"left as somebody else made it meanwhile: {step}" for step in self.left)
        return (*self.failures, *self.unproven, *left)


@attrs.frozen
class Undo:
    """Undoes steps on a machine.

    Attributes:
        booting: daemons do not run yet and will be started by the system, with the old files.
    """

    executor: Executor
    prober: Prober
    progress: Progress
    booting: bool = False

    def run(self, steps: Sequence[Taken]) -> Undone:
        """Undo the steps that were begun: files and rows first, last one first; then daemons."""
        others = [t.step for t in steps if t.begun and not isinstance(t.step, ControlService)]
        failures, left = self._sweep(others), []
        for step in reversed(others):
            try:
                if not self.executor.undo(step):
                    left.append(str(step))
            except (MailsteadError, OSError) as error:
                failures.append(f"could not undo {step}: {error}")
        actions = list(_touched(steps, wrote=bool(others)))
        failures += self._undo_services(actions)
        unproven = () if self.booting else self._prove(actions)
        commands = self._commands(actions, failures) if failures or unproven else ()
        return Undone(tuple(failures), unproven, tuple(left), commands)

    def _sweep(self, steps: Iterable[Step]) -> list[str]:
        """Remove temporary files that a killed save left beside its targets."""
        failures = []
        for folder in _folders(steps):
            try:
                self.executor.machine.sweep(folder)
            except (MailsteadError, OSError) as error:
                failures.append(f"temporary files may be left in {folder}: {error}")
        return failures

    def _undo_services(self, actions: Iterable[ServiceAction]) -> list[str]:
        failures = []
        for action in actions:
            try:
                self.executor.undo_service(action, booting=self.booting)
            except (MailsteadError, OSError) as error:
                failures.append(f"could not undo {action}: {error}")
        return failures

    def _prove(self, actions: Iterable[ServiceAction]) -> tuple[str, ...]:
        served = [(a.daemon, a.old_probes) for a in actions if a.was_running]
        try:
            self.prober.prove(served, self.progress, "undo")
        except (MailsteadError, OSError) as error:
            return (f"the old configuration does not serve: {error}",)
        return ()

    def _commands(
        self, actions: Iterable[ServiceAction], failures: Sequence[str]
    ) -> tuple[str, ...]:
        daemons = map(self._command, actions)
        return (*(("mailstead recover",) if failures else ()), *daemons)

    def _command(self, action: ServiceAction) -> str:
        verb, daemon = "restart" if action.was_running else "stop", action.daemon
        try:
            return self.executor.controls(daemon).describe(verb)
        except (MailsteadError, OSError):  # systemd is asked what the unit consists of
            return f"systemctl {verb} {daemon.unit or daemon.name}"


def _touched(steps: Sequence[Taken], *, wrote: bool) -> Iterator[ServiceAction]:
    """Give what to undo of daemons, last one first.

    A daemon that was not told yet may have read the new files all the same (each smtpd(8) reads
    main.cf when it starts), so it is told of the old ones.
    """
    for taken in reversed(steps):
        if not isinstance(taken.step, ControlService):
            continue
        action = taken.step.action
        if taken.begun:
            yield action
        elif wrote and action.was_running and action.verb in _AGAIN:
            yield attrs.evolve(action, verb=_AGAIN[action.verb], at_boot=None)


def _folders(steps: Iterable[Step]) -> list[Path]:
    found = [step.real.parent for step in steps if isinstance(step, ReplaceFile)]
    found += [step.path for step in steps if isinstance(step, MakeFolder)]
    return list(dict.fromkeys(found))
