"""Believe a daemon only when it answers, keeps its process for the soak time, and answers again."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from mailstead.errors import ProbeFailed
from mailstead.machine.base import Machine
from mailstead.machine.values import ProcessState
from mailstead.module import Daemon, Probe
from mailstead.transaction.progress import Phase, Progress
from mailstead.transaction.services import Controls

READY_SECONDS = 15.0  # how long a daemon may take until it first answers
_PAUSE = 0.1


@attrs.frozen
class Prober:
    """Proves that daemons serve."""

    machine: Machine
    controls: Controls
    soak: float

    def prove(
        self,
        daemons: Sequence[tuple[Daemon, tuple[Probe, ...]]],
        progress: Progress,
        phase: Phase = "probe",
    ) -> None:
        """Prove that all of them serve. Raises ProbeFailed naming daemon and probe."""
        if not daemons:
            return
        deadline = self.machine.boot_clock() + READY_SECONDS
        for daemon, probes in daemons:
            for probe in probes:
                progress.step(phase, f"waiting for {daemon.name}: {probe.title}")
                self._answers(daemon, probe, deadline)
        before = {daemon.name: self._state(daemon) for daemon, _ in daemons}
        names = ", ".join(before)
        progress.step(phase, f"watching {names} for {self.soak:g} s")
        self._watch(daemons, before)
        for daemon, probes in daemons:
            for probe in probes:
                self._answers(daemon, probe, self.machine.boot_clock())

    def answers(self, daemon: Daemon, probes: Sequence[Probe]) -> bool:
        """Tell whether a daemon answers now, without waiting for it."""
        try:
            for probe in probes:
                self._answers(daemon, probe, self.machine.boot_clock())
        except ProbeFailed:
            return False
        return True

    def _answers(self, daemon: Daemon, probe: Probe, deadline: float) -> None:
        while True:
            try:
                self.machine.converse(probe.conversation)
            except ProbeFailed as error:
                if self.machine.boot_clock() >= deadline:
                    problem = f"{probe.title} does not work: {error.problem}"
                    where = f"{daemon.name} at {error.where}"
                    raise ProbeFailed(problem, where=where, hint=probe.hint) from error
                self.machine.sleep(_PAUSE)
            else:
                return

    def _watch(
        self,
        daemons: Sequence[tuple[Daemon, tuple[Probe, ...]]],
        before: dict[str, ProcessState],
    ) -> None:
        end = self.machine.boot_clock() + self.soak
        while (left := end - self.machine.boot_clock()) > 0:
            self.machine.sleep(min(_PAUSE, left))
            for daemon, _ in daemons:
                if self._state(daemon) != before[daemon.name]:
                    raise self._gone(daemon, f"its process was replaced within {self.soak:g} s")

    def _state(self, daemon: Daemon) -> ProcessState:
        state = self.controls(daemon).state()
        if state is None:
            raise self._gone(daemon, "it is not running")
        return state

    def _gone(self, daemon: Daemon, problem: str) -> ProbeFailed:
        """Give the error for a process that ended, with what it said last."""
        words = self.controls(daemon).last_words()
        told = f"{problem}\nlast lines of its log:\n{words}" if words else problem
        return ProbeFailed(told, where=daemon.name, hint="" if words else "see its log")
