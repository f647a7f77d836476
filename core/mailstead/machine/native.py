"""One daemon by its own commands, for sandboxes and machines without systemd.

The process is the one its pid file names, unless that is dead or plainly another program: its
name must be the daemon's, its start command's or the pid file's (``master.pid``: ``master``).
Known weakness: a stale id taken over by another process of just that name is believed.
"""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mailstead.errors import MachineError
from mailstead.machine.base import Machine
from mailstead.machine.values import Completed, Path, ProcessState
from mailstead.machine.waiting import is_gone, wait_until

if TYPE_CHECKING:
    from mailstead.instance import Instance
    from mailstead.module import Native

START_SECONDS = 15.0
STOP_SECONDS = 30.0
COMMAND_SECONDS = 60.0
_SYSTEM_PATH = re.compile(r"\{(/[^{}]*)\}")
_NAME_LENGTH = 15  # the kernel keeps no more of a process's name
_LOG_LINES = 25


def expand(word: str, instance: Instance) -> str:
    """Put the instance's real path in place of each ``{/system/path}``."""
    return _SYSTEM_PATH.sub(lambda found: str(instance.path(found[1])), word)


class NativeService:
    """A daemon under its own commands.

    Args:
        machine: the port.
        instance: where it runs.
        name: the daemon's name.
        native: its commands and pid file.
    """

    def __init__(self, machine: Machine, instance: Instance, name: str, native: Native) -> None:
        self.machine = machine
        self.instance = instance
        self.name = name
        self.native = native
        self.pid_file = instance.path(native.pid_file.strip("{}"))
        self.log = instance.path(f"/var/log/{name}-start.log")

    def state(self) -> ProcessState | None:
        """Give the process the pid file names, if it is the daemon's."""
        found = self._named_process()
        return found if found and found.name in self._names() else None

    def start(self) -> None:
        """Start it, unless it runs; what it prints goes to a log of its own."""
        if self.state() is not None:
            return
        self.machine.remove_file(self.pid_file)  # stale: some daemons would believe it
        self.machine.remove_file(self.log)
        answer = self._run("start", log=self.log)
        if answer.status != 0:
            raise self._failed("start", f"exit status {answer.status}", answer)
        if not wait_until(self.machine, self._runs, seconds=START_SECONDS):
            raise self._failed("start", self._why_not_running(), answer)

    def stop(self) -> None:
        """Stop it, if it runs, and wait until its process is gone."""
        old = self.state()
        if old is None:
            return
        answer = self._run("stop")
        seconds = STOP_SECONDS if answer.status == 0 else 1.0
        if not wait_until(self.machine, lambda: is_gone(self.machine, old), seconds=seconds):
            problem = f"exit status {answer.status}, process {old.pid} is still there"
            raise self._failed("stop", problem, answer)

    def reload(self) -> None:
        """Reload it; its process must be the same after."""
        old = self.state()
        if old is None:
            raise self._failed("reload", "it does not run")
        answer = self._run("reload")
        if answer.status != 0:
            raise self._failed("reload", f"exit status {answer.status}", answer)
        if is_gone(self.machine, old):
            raise self._failed("reload", f"its process {old.pid} ended", answer)

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    def at_boot(self) -> bool | None:
        """Give nothing: whoever boots such a machine starts its daemons too."""
        return None

    def set_at_boot(self, wanted: bool) -> None:  # noqa: ARG002 - the protocol's
        """Refuse: see `at_boot`."""
        raise MachineError("there is nothing to start it at boot", where=self.name)

    def describe(self, verb: str) -> str:
        """Give the command line for a verb."""
        if verb == "restart":
            return f"{self.describe('stop')} && {self.describe('start')}"
        return shlex.join(self._argv(verb))

    def last_words(self) -> str:
        """Give the last lines it printed since it was started."""
        return self._log_tail()

    def _argv(self, verb: str) -> tuple[str, ...]:
        commands = {
            "start": self.native.start,
            "stop": self.native.stop,
            "reload": self.native.reload,
        }
        if verb not in commands:
            raise MachineError(f"there is no command to {verb} it", where=self.name)
        return tuple(expand(word, self.instance) for word in commands[verb])

    def _run(self, verb: str, *, log: Path | None = None) -> Completed:
        argv = self._argv(verb)
        return self.machine.run(argv, timeout=COMMAND_SECONDS, background_output=log)

    def _runs(self) -> bool:
        return self.state() is not None

    def _names(self) -> set[str]:
        program = PurePosixPath(self._argv("start")[0]).name
        names = (self.name, program, self.pid_file.stem)
        return {name[:_NAME_LENGTH] for name in names}

    def _named_process(self) -> ProcessState | None:
        try:
            words = self.machine.read_file(self.pid_file, limit=4096).split()
        except FileNotFoundError:
            return None
        return self.machine.process(int(words[0])) if words and words[0].isdigit() else None

    def _why_not_running(self) -> str:
        found = self._named_process()
        if found is None:
            return f"{self.pid_file} names no running process after {START_SECONDS:g} s"
        return f"{self.pid_file} names process {found.pid}, which is {found.name}"

    def _failed(self, verb: str, problem: str, answer: Completed | None = None) -> MachineError:
        said = answer.output if answer else ""
        log = self._log_tail() if verb == "start" else ""
        parts = [problem, said, log]
        return MachineError("\n".join(filter(None, parts)), where=self.describe(verb))

    def _log_tail(self) -> str:
        try:
            text = self.machine.read_file(self.log).decode(errors="replace")
        except (FileNotFoundError, MachineError):
            return ""
        return "\n".join(text.splitlines()[-_LOG_LINES:])
