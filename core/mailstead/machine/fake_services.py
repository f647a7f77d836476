"""Daemons of a fake machine, with every way they can let an admin down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mailstead.errors import MachineError
from mailstead.machine.base import ServiceControl
from mailstead.machine.fake_files import ROOT
from mailstead.machine.values import Path, ProcessState

if TYPE_CHECKING:
    from mailstead.machine.fake import FakeMachine
    from mailstead.module import Daemon


@attrs.define
class FakeDaemon:
    """What is known of one daemon: its process, what was done to it, what will go wrong.

    ``reads`` are the path prefixes it declares; ``loaded`` is what stood there, by system path,
    when it last read its configuration. ``said`` is what its log ends with.
    """

    name: str
    reads: tuple[str, ...] = ()
    loaded: dict[str, bytes] = attrs.field(factory=dict[str, bytes])
    pid: int = 0
    starts: int = 0
    stops: int = 0
    reloads: int = 0
    restarts: int = 0
    broken: dict[str, int] = attrs.field(factory=dict)
    dies_after: float = 0.0
    deaths: int = 0
    at_boot: bool | None = None
    said: str = ""

    def breaks(self, verb: str) -> bool:
        """Tell whether a verb fails this time, and count it."""
        left = self.broken.get(verb, 0)
        self.broken[verb] = max(0, left - 1)
        return left > 0


class FakeServices:
    """Gives a fake `ServiceControl` for each daemon, and keeps their state by name.

    Calls are in the machine's log as ``service.start`` and so on; `FakeMachine.fail` knows them.
    ``prefix`` is the folder of the instance, below which daemons find what they read.
    """

    def __init__(self, machine: FakeMachine, prefix: Path = ROOT) -> None:
        self.machine = machine
        self.prefix = prefix
        self.daemons: dict[str, FakeDaemon] = {}

    def __call__(self, daemon: Daemon) -> ServiceControl:
        """Give the control of a daemon; what it reads is kept, since a journal does not say it."""
        known = self.of(daemon.name)
        known.reads = daemon.reads or known.reads
        return FakeService(self.machine, known, self.prefix)

    def of(self, name: str) -> FakeDaemon:
        """Give what is known of a daemon."""
        return self.daemons.setdefault(name, FakeDaemon(name))

    def break_start(self, name: str, *, times: int = 1) -> None:
        """Let the next starts fail; a restart's start too."""
        self.of(name).broken["start"] = times

    def break_stop(self, name: str, *, times: int = 1) -> None:
        """Let the next stops fail."""
        self.of(name).broken["stop"] = times

    def break_reload(self, name: str, *, times: int = 1) -> None:
        """Let the next reloads fail; the process lives on."""
        self.of(name).broken["reload"] = times

    def dies_after(self, name: str, seconds: float, *, times: int = 1) -> None:
        """Let the daemon die so long after each of its next starts or reloads."""
        daemon = self.of(name)
        daemon.dies_after, daemon.deaths = seconds, times

    def kill(self, name: str) -> None:
        """Let a daemon die now."""
        self.machine.kill(self.of(name).pid)


@attrs.frozen
class FakeService:
    """The control of one fake daemon."""

    machine: FakeMachine
    daemon: FakeDaemon
    prefix: Path = ROOT

    def state(self) -> ProcessState | None:
        """Give its process."""
        self.machine.log.note("service.state", self.daemon.name)
        return self._state()

    def start(self) -> None:
        """Start it, unless it runs."""
        self._begin("start")
        self.daemon.starts += 1
        self._start()

    def stop(self) -> None:
        """Stop it."""
        self._begin("stop")
        self.daemon.stops += 1
        self._stop()

    def reload(self) -> None:
        """Reload it."""
        self._begin("reload")
        self.daemon.reloads += 1
        if self._state() is None:
            raise self._failed("reload", "it does not run")
        self._break("reload")
        self._load()
        self._doom()

    def restart(self) -> None:
        """Stop and start it."""
        self._begin("restart")
        self.daemon.restarts += 1
        self._stop()
        self._start()

    def at_boot(self) -> bool | None:
        """Tell whether it starts when the machine boots."""
        return self.daemon.at_boot

    def set_at_boot(self, wanted: bool) -> None:
        """Let it start when the machine boots, or not."""
        self._begin("set_at_boot")
        self.daemon.at_boot = wanted

    def describe(self, verb: str) -> str:
        """Give a made-up command line."""
        return f"service {self.daemon.name} {verb}"

    def last_words(self) -> str:
        """Give ``said``."""
        return self.daemon.said

    def _begin(self, verb: str) -> None:
        self.machine.log.note(f"service.{verb}", self.daemon.name)

    def _state(self) -> ProcessState | None:
        return self.machine.processes.running.get(self.daemon.pid)

    def _start(self) -> None:
        self._break("start")
        if self._state() is None:
            self.daemon.pid = self.machine.spawn(self.daemon.name).pid
            self._load()
            self._doom()

    def _stop(self) -> None:
        self._break("stop")
        self.machine.kill(self.daemon.pid)

    def _load(self) -> None:
        self.daemon.loaded = self.machine.tree.contents(self.prefix, self.daemon.reads)

    def _doom(self) -> None:
        if self.daemon.deaths > 0:
            self.daemon.deaths -= 1
            pid = self.daemon.pid
            self.machine.time.later(self.daemon.dies_after, lambda: self.machine.kill(pid))

    def _break(self, verb: str) -> None:
        if self.daemon.breaks(verb):
            raise self._failed(verb, f"{self.daemon.name} refused to {verb}")

    def _failed(self, verb: str, problem: str) -> MachineError:
        return MachineError(problem, where=self.describe(verb))
