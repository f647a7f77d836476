"""One systemd unit by systemctl(1); the journal's last lines go into every complaint."""

from __future__ import annotations

from mailstead.errors import MachineError
from mailstead.machine.base import Machine
from mailstead.machine.native import NativeService
from mailstead.machine.values import Completed, ProcessState
from mailstead.machine.waiting import is_gone, wait_until

START_SECONDS = 15.0
STOP_SECONDS = 30.0
COMMAND_SECONDS = 120.0
_SYSTEMCTL = ("systemctl", "--no-ask-password")
_PROPERTIES = (
    "ActiveState,SubState,Result,MainPID,NRestarts,Wants,LoadState,UnitFileState,NeedDaemonReload"
)
_LIMIT_WORDS = ("start-limit-hit", "start request repeated too quickly")
_MISSING = "does not exist"
_JOURNAL_LINES = 25


class SystemdService:
    """A daemon under systemd.

    Args:
        machine: the port.
        unit: the unit that is started, stopped and enabled.
        main_unit: the unit that holds the main process, where ``unit`` is only a shell around
            it. It counts where ``unit`` wants it: another Debian may do without.
        native: the daemon's own commands; their pid file is asked where systemd knows no main
            process. Debian 12 starts Postfix so (GuessMainPID=no, no PIDFile).
    """

    def __init__(
        self,
        machine: Machine,
        unit: str,
        main_unit: str = "",
        native: NativeService | None = None,
    ) -> None:
        self.machine = machine
        self.unit = unit
        self.main_unit = main_unit
        self.native = native

    def state(self) -> ProcessState | None:
        """Give the main process."""
        for unit in filter(None, (self.main_unit, self.unit)):
            pid = self._properties(unit).get("MainPID", "0")
            if pid.isdigit() and pid != "0":
                return self.machine.process(int(pid))
        return self.native.state() if self.native else None

    def start(self) -> None:
        """Start the unit; once more with a clean slate if it hit its restart limit.

        A unit that systemd takes for active while its main process is dead is restarted: to
        start it would do nothing.
        """
        is_hollow = self._is_active() and self.state() is None
        self._act("restart" if is_hollow else "start")
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

    def at_boot(self) -> bool | None:
        """Tell whether the unit is enabled; ``None`` where it can be neither (static, masked).

        One that is not there is not enabled: the save may be about to write its file.
        """
        found = self._properties(self.unit)
        if found.get("LoadState") == "not-found":
            return False
        return {"enabled": True, "disabled": False}.get(found.get("UnitFileState", ""))

    def set_at_boot(self, wanted: bool) -> None:
        """Enable or disable the unit."""
        verb = "enable" if wanted else "disable"
        self._read_changed_unit()
        answer = self._systemctl(verb)
        # Undoing a save takes back the unit file first.
        if wanted or _MISSING not in answer.output:
            self._require(answer, verb)

    def describe(self, verb: str) -> str:
        """Give the command line for a verb."""
        return " ".join(("systemctl", verb, *self._units(verb)))

    def last_words(self) -> str:
        """Give the last lines of the units' journal."""
        return self._journal()

    def _act(self, verb: str) -> None:
        self._read_changed_unit()
        answer = self._systemctl(verb)
        if answer.status != 0 and self._hit_limit(answer):
            self._systemctl("reset-failed")
            answer = self._systemctl(verb)
        self._require(answer, verb)

    def _read_changed_unit(self) -> None:
        """Let systemd read a unit file anew that was changed, perhaps by the save itself.

        One that it knows as missing or broken, it does not look at again by itself.
        """
        found = self._properties(self.unit)
        is_loaded = found.get("LoadState", "loaded") == "loaded"
        if found.get("NeedDaemonReload") == "yes" or not is_loaded:
            done = self.machine.run([*_SYSTEMCTL, "daemon-reload"], timeout=COMMAND_SECONDS)
            self._require(done, "daemon-reload")

    def _hit_limit(self, answer: Completed) -> bool:
        said = answer.output.lower()
        units = self._units("reset-failed")
        results = (self._properties(unit).get("Result", "") for unit in units)
        return any(word in said for word in _LIMIT_WORDS) or "start-limit-hit" in results

    def _is_active(self) -> bool:
        main = self._units("restart")[-1]
        return self._properties(main).get("ActiveState") == "active"

    def _units(self, verb: str) -> tuple[str, ...]:
        """Give the units a verb is for. To act on the shell alone would tell no failure."""
        if verb in ("enable", "disable") or not self.main_unit:
            return (self.unit,)
        wanted = self._properties(self.unit).get("Wants", "").split()
        if f"{self.main_unit}.service" not in wanted:
            return (self.unit,)
        return (self.main_unit,) if verb in ("reload", "restart") else (self.unit, self.main_unit)

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
        units = [
            word for unit in filter(None, (self.unit, self.main_unit)) for word in ("-u", unit)
        ]
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
        argv = [*_SYSTEMCTL, verb, *self._units(verb)]
        return self.machine.run(argv, timeout=COMMAND_SECONDS)
