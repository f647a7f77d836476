"""A systemd that is all memory, behind systemctl's command line: units that start, or will not."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from mailstead.machine.fake import FakeMachine
from mailstead.machine.values import Completed

LIMIT = "start request repeated too quickly"


@attrs.define
class Unit:
    """One unit.

    Attributes:
        pid: its main process; 0 when it does not run.
        limited: it was started too often, and will not start before reset-failed.
        fails: how often starting fails from now on; each failure hits the limit.
    """

    pid: int = 0
    limited: bool = False
    fails: int = 0
    resets: int = 0


class FakeSystemd:
    """Answers systemctl(1) on a fake machine."""

    def __init__(self, machine: FakeMachine) -> None:
        self.machine = machine
        self.units: dict[str, Unit] = {}
        machine.systemd = True
        machine.on_command(["systemctl"], self.answer)
        machine.on_command(["journalctl"], Completed(0, "greeterd: cannot read its mind\n", ""))

    def answer(self, argv: Sequence[str]) -> Completed:
        """Do what a command says."""
        words = [word for word in argv[1:] if not word.startswith("-")]
        verb, name = words[0], words[-1]
        unit = self.units.setdefault(name, Unit())
        if verb == "show":
            return Completed(0, self._properties(unit), "")
        action = {"start": self._start, "stop": self._stop, "restart": self._restart,
                  "reload": self._reload, "reset-failed": self._reset}.get(verb)  # fmt: skip
        return action(unit) if action else Completed(0, "", "")

    def kill(self, name: str) -> None:
        """Let a unit's process die."""
        self.machine.kill(self.units[name].pid)

    def runs(self, unit: Unit) -> bool:
        """Tell whether its process lives."""
        return unit.pid in self.machine.processes.running

    def _properties(self, unit: Unit) -> str:
        pid = unit.pid if self.runs(unit) else 0
        result = "start-limit-hit" if unit.limited else "success"
        state = "active" if pid else "failed"
        return f"ActiveState={state}\nResult={result}\nMainPID={pid}\nUnitFileState=enabled\n"

    def _start(self, unit: Unit) -> Completed:
        if self.runs(unit):
            return Completed(0, "", "")
        if unit.fails:
            unit.fails -= 1
            unit.limited = True
        if unit.limited:
            return Completed(1, "", LIMIT)
        unit.pid = self.machine.spawn("greeterd").pid
        return Completed(0, "", "")

    def _stop(self, unit: Unit) -> Completed:
        self.machine.kill(unit.pid)
        return Completed(0, "", "")

    def _restart(self, unit: Unit) -> Completed:
        self._stop(unit)
        return self._start(unit)

    def _reload(self, unit: Unit) -> Completed:
        return Completed(0, "", "") if self.runs(unit) else Completed(1, "", "unit is not active")

    def _reset(self, unit: Unit) -> Completed:
        unit.limited = False
        unit.resets += 1
        return Completed(0, "", "")
