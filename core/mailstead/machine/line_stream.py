"""The output of a program line by line, as it comes, in bounded memory."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import attrs

from mailstead.errors import MachineError
from mailstead.machine.commands import environment, not_started

LONGEST_LINE = 16 << 20  # bytes; a line beyond is an error, for it would not be bounded
LAST_WORDS = 4096
_BLOCK = 1 << 16


@contextmanager
def lines(argv: Sequence[str], *, timeout: float) -> Iterator[Iterator[bytes]]:
    """Run a program; gives its lines without their ends.

    Whoever stops reading ends the program. Raises MachineError when it cannot be started, takes
    longer than ``timeout`` seconds in all, or ends with a status other than 0.
    """
    with _started(argv) as process:
        yield _Reader(argv, process, time.monotonic() + timeout).lines()


@attrs.define
class _Reader:
    argv: Sequence[str]
    process: subprocess.Popen[bytes]
    deadline: float
    pending: bytes = b""
    complaints: bytes = b""

    def lines(self) -> Iterator[bytes]:
        for block in self._blocks():
            *whole, self.pending = (self.pending + block).split(b"\n")
            yield from whole
            if len(self.pending) > LONGEST_LINE:
                raise self._failed("gave a line without end")
        if self.pending:
            yield self.pending
        if self.process.wait() != 0:
            said = self.complaints.decode(errors="replace").strip()
            raise self._failed(said or f"ended with status {self.process.returncode}")

    def _blocks(self) -> Iterator[bytes]:
        out, error = self.process.stdout, self.process.stderr
        assert out is not None  # noqa: S101 - both are pipes
        assert error is not None  # noqa: S101
        with selectors.DefaultSelector() as selector:
            for stream in (out, error):
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                left = self.deadline - time.monotonic()
                if left <= 0:
                    raise self._failed("did not end in time and was killed")
                for key, _ in selector.select(left):
                    block = os.read(key.fd, _BLOCK)
                    if not block:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is out:
                        yield block
                    else:
                        self.complaints = (self.complaints + block)[-LAST_WORDS:]

    def _failed(self, problem: str) -> MachineError:
        return MachineError(problem, where=" ".join(self.argv))


@contextmanager
def _started(argv: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd="/", env=environment(), start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise not_started(argv, error) from error
    try:
        yield process
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
