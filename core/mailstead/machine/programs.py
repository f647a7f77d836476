"""Programs that run beside each other: started when there is a reason, collected as they end.

None holds up another: all their pipes are read by one wait, and each has a time limit of its own.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, TYPE_CHECKING

import attrs

from mailstead.errors import MachineError
from mailstead.machine.commands import MAX_OUTPUT, end, input_file, start, too_late, watch
from mailstead.machine.values import Completed

if TYPE_CHECKING:
    from subprocess import Popen

_BLOCK = 1 << 16
_PATIENCE = 5.0  # seconds that programs have to end when they are asked to


@contextmanager
def side_by_side() -> Iterator[RunningPrograms]:
    """Run programs; those that still run at the end of the block are asked to end, then killed."""
    found = RunningPrograms()
    try:
        yield found
    finally:
        found.stop()


@attrs.define
class _Run:
    """One program: what it printed so far, and when its time is over."""

    argv: tuple[str, ...]
    process: Popen[bytes]
    timeout: float
    ended: int
    stack: ExitStack
    deadline: float
    printed: dict[IO[bytes], bytearray]


class RunningPrograms:
    """The programs that run, by name."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    @property
    def names(self) -> frozenset[str]:
        """Give the names of those that run."""
        return frozenset(self._runs)

    def start(self, name: str, argv: Sequence[str], *, stdin: str, timeout: float) -> None:
        """Start a program. Raises MachineError."""
        if name in self._runs:
            raise MachineError("runs already", where=name)
        with ExitStack() as stack:
            given = stack.enter_context(input_file(stdin))
            process = start(argv, given, None)
        with ExitStack() as stack:
            stack.callback(end, process)
            ended = stack.enter_context(watch(process.pid))
            printed = {pipe: bytearray() for pipe in (process.stdout, process.stderr) if pipe}
            for pipe in printed:
                os.set_blocking(pipe.fileno(), False)
            deadline = time.monotonic() + timeout
            self._runs[name] = _Run(
                tuple(argv), process, timeout, ended, stack.pop_all(), deadline, printed
            )

    def end(self, name: str) -> None:
        """Ask one to end."""
        if name in self._runs:
            with suppress(ProcessLookupError):
                os.killpg(self._runs[name].process.pid, signal.SIGTERM)

    def ended(self, seconds: float) -> Mapping[str, Completed | MachineError]:
        """Wait until one ends, or so many seconds; gives those that ended meanwhile."""
        until = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            deadlines = [run.deadline for run in self._runs.values()]
            self._wait(min([until, *deadlines]) - now)
            found = self._collect()
            if found or time.monotonic() >= until:
                return found

    def stop(self) -> None:
        """Ask all to end, and kill those that do not."""
        for name in self._runs:
            self.end(name)
        until = time.monotonic() + _PATIENCE
        try:
            while self._runs and time.monotonic() < until:
                self._wait(until - time.monotonic())
                self._collect()
        finally:
            for run in self._runs.values():
                run.stack.close()
            self._runs.clear()

    def _wait(self, seconds: float) -> None:
        """Read what comes until something ends, or so many seconds."""
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for run in self._runs.values():
                selector.register(run.ended, selectors.EVENT_READ)
                for pipe in run.printed:
                    if not pipe.closed:
                        selector.register(pipe, selectors.EVENT_READ, run.printed[pipe])
            while (left := until - time.monotonic()) > 0:
                ready = [key for key, _ in selector.select(left)]
                for key in ready:
                    if key.data is not None and not _read(key.fd, key.data):
                        selector.unregister(key.fileobj)
                if any(key.data is None for key in ready):
                    return

    def _collect(self) -> dict[str, Completed | MachineError]:
        found: dict[str, Completed | MachineError] = {}
        for name, run in tuple(self._runs.items()):
            if run.process.poll() is not None:
                found[name] = _completed(run)
            elif time.monotonic() >= run.deadline:
                found[name] = too_late(run.argv, run.timeout)
            else:
                continue
            run.stack.close()
            del self._runs[name]
        return found


def _completed(run: _Run) -> Completed:
    for pipe, collected in run.printed.items():
        for _ in range(MAX_OUTPUT // _BLOCK):
            if not _read(pipe.fileno(), collected):
                break
    stdout, stderr = (bytes(each).decode("utf-8", "replace") for each in run.printed.values())
    return Completed(run.process.returncode, stdout, stderr)


def _read(pipe: int, collected: bytearray) -> bool:
    """Read once; False at the end, or when nothing is there. Too much is thrown away."""
    try:
        block = os.read(pipe, _BLOCK)
    except BlockingIOError:
        return False
    collected += block[: max(0, MAX_OUTPUT - len(collected))]
    return bool(block)
