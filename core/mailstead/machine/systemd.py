"""One systemd unit by systemctl(1); the journal's last lines go into every complaint."""

from __future__ import annotations

from mailstead.errors import MachineError
from mailstead.machine.base import Completed, Machine, ProcessState
from mailstead.machine.waiting import is_gone, wait_until

START_SECONDS = 15.0
STOP_SECONDS = 30.0
COMMAND_SECONDS = 120.0
_SYSTEMCTL = ("systemctl", "--no-ask-password")
_PROPERTIES = "ActiveState,SubState,Result,MainPID,NRestarts"
_LIMIT_WORDS = ("start-limit-hit", "start request repeated too quickly")
_JOURNAL_LINES = 25


class SystemdService:
    """A daemon under systemd.

    Args:
        machine: the port.
        unit: the unit that is started and stopped.
        main_unit: the unit that holds the main process, where it is another; when that does
            not exist (an older or newer Debian) the process is looked for in ``unit``.
    """

    def __init__(self, machine: Machine, unit: str, main_unit: str = "") -> None:
        self.machine = machine
        self.unit = unit
        self.main_unit = main_unit

    def state(self) -> ProcessState | None:
        """Give the main process."""
        for unit in filter(None, (self.main_unit, self.unit)):
            pid = self._properties(unit).get("MainPID", "0")
            if pid.isdigit() and pid != "0":
                return self.machine.process(int(pid))
        return None

    def start(self) -> None:
        """Start the unit; once more with a clean slate if it hit its restart limit."""
        self._act("start")
        self._require_running("start")

    def stop(self) -> None:
        """Stop the unit and wait for its process to go."""
        old = self.state()
        self._require(self._systemctl("stop"), "stop")
        if old and not wait_until(
            self.machine, lambda: is_gone(self.machine, old), seconds=STOP_SECONDS
        ):
            raise self._failed("stop", f"process {old.pid} is still there")

    def reload(self) -> None:
        """Reload the unit; its process must be the same after."""
        old = self.state()
        self._require(self._systemctl("reload"), "reload")
        if old is None or is_gone(self.machine, old):
            raise self._failed("reload", "its main process is gone")

    def restart(self) -> None:
        """Restart the unit."""
        self._act("restart")
        self._require_running("restart")

    def describe(self, verb: str) -> str:
        """Give the command line for a verb."""
        return f"systemctl {verb} {self.unit}"

    def _act(self, verb: str) -> None:
        answer = self._systemctl(verb)
        if answer.status != 0 and self._hit_limit(answer):
            self._systemctl("reset-failed")
            answer = self._systemctl(verb)
        self._require(answer, verb)

    def _hit_limit(self, answer: Completed) -> bool:
        said = answer.output.lower()
        results = (self._properties(unit).get("Result", "") for unit in self._units())
        return any(word in said for word in _LIMIT_WORDS) or "start-limit-hit" in results

    def _units(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.unit, self.main_unit)))

    def _require_running(self, verb: str) -> None:
        if not wait_until(self.machine, lambda: self.state() is not None, seconds=START_SECONDS):
            raise self._failed(verb, "it has no main process")

    def _require(self, answer: Completed, verb: str) -> None:
        if answer.status != 0:
            raise self._failed(verb, answer.output)

    def _failed(self, verb: str, problem: str) -> MachineError:
        journal = self._journal()
        told = f"\nlast lines of its journal:\n{journal}" if journal else ""
        return MachineError(f"{problem.strip()}{told}", where=self.describe(verb))

    def _journal(self) -> str:
        units = [word for unit in self._units() for word in ("-u", unit)]
        lines = ("-n", str(_JOURNAL_LINES), "--no-pager", "-o", "cat")
        try:
            return self.machine.run(["journalctl", *units, *lines]).stdout.strip()
        except MachineError as error:
            return f"(not to be had: {error})"

    def _properties(self, unit: str) -> dict[str, str]:
        answer = self.machine.run([*_SYSTEMCTL, "show", "-p", _PROPERTIES, unit])
        pairs = (line.partition("=") for line in answer.stdout.splitlines())
        return {name: value for name, _, value in pairs}

    def _systemctl(self, verb: str) -> Completed:
        units = self._units() if verb == "reset-failed" else (self.unit,)
        return self.machine.run([*_SYSTEMCTL, verb, *units], timeout=COMMAND_SECONDS)
