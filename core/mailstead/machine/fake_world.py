"""What a fake machine is made of besides files: faults, processes, clock, commands, rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from mailstead.errors import CommandFailed, MachineError, StaysThere
from mailstead.machine.rows import Value
from mailstead.machine.values import Completed, ProcessState, RowChange

Answer = Completed | Callable[[Sequence[str]], Completed]
Error = BaseException | type[BaseException]
ANY = "*"
INIT = 1
TICKS = 100
Row = dict[str, Value]
Rows = dict[tuple[tuple[str, Value], ...], Row]


def apply_row(tables: dict[str, Rows], change: RowChange) -> None:
    """Apply a row change to tables."""
    table = tables.setdefault(change.table, {})
    key = tuple(sorted(change.key.items()))
    if change.new is None:
        table.pop(key, None)
    else:
        table[key] = {**table.get(key, {}), **change.new, **change.key}


@attrs.define
class Fault:
    """An error that is raised at the nth call of a name; ``left`` counts down to it.

    A ``lasting`` one is raised at every call of any name from then on.
    """

    name: str
    error: Error
    left: int | None
    lasting: bool = False

    def meets(self, name: str) -> bool:
        """Count a call; tell whether this is the one (``left`` of ``None``: each is)."""
        if self.lasting and self.left is not None and self.left <= 0:
            return True
        if self.name not in (ANY, name):
            return False
        if self.left is None:
            return True
        self.left -= 1
        return self.left == 0


class CallLog:
    """Every call in order, and the faults that wait for one."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.faults: list[Fault] = []

    def note(self, name: str, *args: Any) -> None:
        """Write down a call, then fail if a fault waits for it."""
        self.calls.append((name, args))
        due = [fault for fault in self.faults if fault.meets(name)]
        if due:
            raise due[0].error


class FakeTime:
    """A wall clock and a boot clock that move only by sleeping; actions fall due on the way.

    ``boots`` counts how often the machine was booted.
    """

    def __init__(self) -> None:
        self.wall = 1_800_000_000.0
        self.boot = 1000.0
        self.boots = 1
        self._due: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something when so much time has passed."""
        self._due.append((self.boot + seconds, action))

    def reboot(self) -> None:
        """Begin a new boot; what was due in the old one is forgotten."""
        self.boots += 1
        self.boot = 0.0
        self._due.clear()

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.boot += seconds
        self.wall += seconds
        due = sorted((item for item in self._due if item[0] <= self.boot), key=lambda item: item[0])
        self._due = [item for item in self._due if item[0] > self.boot]
        for _, action in due:
            action()


class FakeProcesses:
    """Running processes; ids are never used twice."""

    def __init__(self) -> None:
        self.running = {INIT: ProcessState(INIT, 0, "init")}
        self.parents = {INIT: 0}
        self._next = 1000

    def spawn(self, name: str, *, parent: int, started: int) -> ProcessState:
        """Let a process run."""
        self._next += 1
        state = ProcessState(self._next, started, name)
        self.running[state.pid] = state
        self.parents[state.pid] = parent
        return state

    def kill(self, pid: int) -> None:
        """End a process; one that is gone already is no error."""
        self.running.pop(pid, None)

    def reboot(self) -> None:
        """End all but the first."""
        self.running = {INIT: self.running[INIT]}

    def ancestors(self, pid: int) -> tuple[int, ...]:
        """Give the parents, nearest first."""
        found: list[int] = []
        while pid in self.running and (pid := self.parents[pid]):
            found.append(pid)
        return tuple(found)


class FakeCommands:
    """Scripted answers by the first words of a command; the longest, then latest, wins."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, ...], Answer] = {}

    def script(self, prefix: Sequence[str], answer: Answer) -> None:
        """Set what a command gives."""
        self._answers[tuple(prefix)] = answer

    def answer(self, argv: tuple[str, ...]) -> Completed:
        """Give the scripted answer, or success."""
        fitting = [prefix for prefix in self._answers if argv[: len(prefix)] == prefix]
        if not fitting:
            return Completed(0, "", "")
        answer = self._answers[max(fitting, key=len)]
        return answer if isinstance(answer, Completed) else answer(argv)


@attrs.frozen
class FakeLines:
    """The lines of a scripted answer."""

    argv: tuple[str, ...]
    answer: Completed
    longest: int

    def __iter__(self) -> Iterator[str]:
        for line in self.answer.stdout.removesuffix("\n").split("\n") if self.answer.stdout else ():
            yield line.encode()[: self.longest].decode("utf-8", errors="replace")
        if self.answer.status:
            raise CommandFailed(self.argv, self.answer.status, self.answer.stderr)

    @property
    def complaints(self) -> str:
        """Give its standard error."""
        return self.answer.stderr


class FakePrograms:
    """Programs that end as scripted when they are waited for; waiting takes all of its time."""

    def __init__(self, log: CallLog, commands: FakeCommands, time: FakeTime) -> None:
        self._log = log
        self._commands = commands
        self._time = time
        self._started: dict[str, tuple[str, ...]] = {}

    @property
    def names(self) -> frozenset[str]:
        """Give the names of those that were not waited for."""
        return frozenset(self._started)

    def start(self, name: str, argv: Sequence[str], *, stdin: str, timeout: float) -> None:
        """Remember a program."""
        self._log.note("start", name, tuple(argv), stdin, timeout)
        if name in self._started:
            raise MachineError("runs already", where=name)
        self._started[name] = tuple(argv)

    def end(self, name: str) -> None:
        """Note it: all end anyway."""
        self._log.note("end", name)

    def ended(self, seconds: float) -> Mapping[str, Completed | MachineError]:
        """Give the scripted answers of all."""
        self._log.note("ended", seconds)
        if not self._started:
            self._time.pass_by(seconds)
        found = {name: self._commands.answer(argv) for name, argv in self._started.items()}
        self._started.clear()
        return found


@attrs.define
class FakeGate:
    """What a test wants to have come through a gate.

    Attributes:
        brings: headers of the messages that come through the next one, which counts them.
    """

    delivered: int = 0
    known: int = 0
    unsure: int = 0
    refusal: str = ""
    brings: list[bytes] = attrs.field(factory=list)

    def bring(self, is_known: Callable[[bytes], bool], on_taken: Callable[[bytes], None]) -> None:
        """Let the messages come."""
        for header in self.brings:
            try:
                known = is_known(header)
            except StaysThere as error:
                self.refusal = self.refusal or str(error)
                continue
            if known:
                self.known += 1
            else:
                self.delivered += 1
                on_taken(header)
        self.brings.clear()
