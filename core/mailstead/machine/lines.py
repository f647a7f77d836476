"""Reading what a program prints while it runs: line by line, in bounded memory.

Both pipes are read as something comes, so that neither fills up and stops the program. As in
`mailstead.machine.commands`, the end of the program is waited for, not the end of its output.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING

from mailstead.errors import CommandFailed
from mailstead.machine.commands import MAX_OUTPUT, end, input_file, start, too_late, watch

if TYPE_CHECKING:
    from subprocess import Popen

_BLOCK = 1 << 16
_MOST_LEFT = 1 << 20  # bytes: the largest pipe an unprivileged process can have, pipe(7)


@contextmanager
def run_lines(argv: Sequence[str], *, timeout: float, longest: int) -> Iterator[RunningLines]:
    """Run a program and give its lines; it is killed when the block ends before it does."""
    with ExitStack() as stack:
        given = stack.enter_context(input_file(""))
        process = start(argv, given, None)
        stack.callback(end, process)
        yield RunningLines(process, tuple(argv), timeout, longest)


class RunningLines:
    """The lines of a running program."""

    def __init__(
        self, process: Popen[bytes], argv: tuple[str, ...], timeout: float, longest: int
    ) -> None:
        self._process = process
        self._argv = argv
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._splitter = _Splitter(longest)
        self._complaints = bytearray()

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks():
            yield from self._splitter.split(block)
        yield from self._splitter.rest()
        status = self._process.wait()
        if status:
            raise CommandFailed(self._argv, status, self.complaints)

    @property
    def complaints(self) -> str:
        """Give standard error so far; beyond `MAX_OUTPUT` it is thrown away."""
        return bytes(self._complaints).decode("utf-8", errors="replace")

    def _blocks(self) -> Iterator[bytes]:
        """Give blocks of standard output until the program has ended. Raises MachineError."""
        stdout, stderr = self._process.stdout, self._process.stderr
        assert stdout is not None  # noqa: S101 - started with pipes
        assert stderr is not None  # noqa: S101
        with selectors.DefaultSelector() as selector, watch(self._process.pid) as ended:
            selector.register(ended, selectors.EVENT_READ)
            for stream in (stdout, stderr):
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ)
            has_ended = False
            while not has_ended:
                ready = {key.fileobj for key, _ in selector.select(self._left())}
                has_ended = ended in ready
                for stream in (each for each in (stdout, stderr) if each in ready):
                    block = _read(stream)
                    if block == b"":
                        selector.unregister(stream)
                    elif stream is stdout and block:
                        yield block
                    elif block:
                        self._complain(block)
            self._complain(b"".join(_left_in(stderr)))
            yield from _left_in(stdout)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise too_late(self._argv, self._timeout)
        return left

    def _complain(self, block: bytes) -> None:
        self._complaints += block[: MAX_OUTPUT - len(self._complaints)]


class _Splitter:
    """Cuts blocks into lines, and lines that are too long."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._line = bytearray()

    def split(self, block: bytes) -> Iterator[str]:
        """Take a block and give the lines that it ends."""
        *ended, begun = block.split(b"\n")
        for piece in ended:
            self._add(piece)
            yield self._take()
        self._add(begun)

    def rest(self) -> Iterator[str]:
        """Give a last line that has no end."""
        if self._line:
            yield self._take()

    def _add(self, piece: bytes) -> None:
        self._line += piece[: self._longest - len(self._line)]

    def _take(self) -> str:
        text = self._line.decode("utf-8", errors="replace")
        self._line.clear()
        return text


def _left_in(stream: IO[bytes]) -> Iterator[bytes]:
    """Give what is in a pipe; at most a pipe's size, since others may go on writing."""
    for _ in range(_MOST_LEFT // _BLOCK):
        block = _read(stream)
        if not block:
            return
        yield block


def _read(stream: IO[bytes]) -> bytes | None:
    """Read once; empty at the end of the stream, ``None`` when nothing is there."""
    try:
        return os.read(stream.fileno(), _BLOCK)
    except BlockingIOError:
        return None
