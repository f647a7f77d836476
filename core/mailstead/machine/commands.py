"""Running programs: by argument vector, in their own session, with a deadline or detached.

The end of the program is what is waited for, not the end of its output: a daemon it leaves
behind may hold the pipe for ever. Output beyond `MAX_OUTPUT` is read and thrown away.
"""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, TYPE_CHECKING

from mailstead.errors import MachineError
from mailstead.machine.files import OPEN_FILE
from mailstead.machine.folders import parent_of, refusals
from mailstead.machine.values import Completed, Path

if TYPE_CHECKING:
    from subprocess import Popen

MAX_OUTPUT = 1 << 20
CUT = "\n[the rest of the output was cut]\n"
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BLOCK = 1 << 16
_LOG = os.O_WRONLY | os.O_CREAT | os.O_APPEND | OPEN_FILE


def run(
    argv: Sequence[str], *, timeout: float, stdin: str, background_output: Path | None
) -> Completed:
    """Run a program and give what became of it. Raises MachineError."""
    with ExitStack() as stack:
        given = stack.enter_context(input_file(stdin))
        log = stack.enter_context(_log(background_output)) if background_output else None
        process = start(argv, given, log)
        stack.callback(end, process)
        return _attend(process, argv, timeout)


def detach(argv: Sequence[str], *, log: Path) -> int:
    """Start a program that outlives us, and give its process id. Raises MachineError."""
    import warnings

    with ExitStack() as stack:
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, nothing)
        process = start(argv, nothing, stack.enter_context(_log(log)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # that it still runs is the purpose
        pid = process.pid
        del process
    return pid


def environment() -> dict[str, str]:
    """Give the few variables a program is started with."""
    home = os.environ.get("HOME", "/")
    return {"PATH": SEARCH_PATH, "LC_ALL": "C", "LANG": "C", "HOME": home}


def start(argv: Sequence[str], given: int, log: int | None) -> Popen[bytes]:
    """Start a program; without a log its output goes into pipes. Raises MachineError."""
    import subprocess

    output = subprocess.PIPE if log is None else log
    try:
        return subprocess.Popen(
            list(argv),
            stdin=given,
            stdout=output,
            stderr=output,
            cwd="/",
            env=environment(),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _not_started(argv, error) from error


def too_late(argv: Sequence[str], timeout: float) -> MachineError:
    """Give the error for a program that was killed for being late."""
    return MachineError(f"did not end within {timeout:g} s and was killed", where=" ".join(argv))


def _not_started(argv: Sequence[str], error: OSError | ValueError) -> MachineError:
    if isinstance(error, FileNotFoundError):
        return MachineError(
            "the program is missing", where=argv[0], hint="install the package it is part of"
        )
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return MachineError(f"cannot be started: {reason}", where=argv[0])


def _attend(process: Popen[bytes], argv: Sequence[str], timeout: float) -> Completed:
    deadline = time.monotonic() + timeout
    streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
    kept: dict[IO[bytes], bytearray] = {stream: bytearray() for stream in streams}
    if not _read_until_end(process.pid, kept, deadline):
        raise too_late(argv, timeout)
    status = process.wait()
    stdout, stderr = [_text(kept[stream]) for stream in streams] or ["", ""]
    return Completed(status=status, stdout=stdout, stderr=stderr)


def _read_until_end(pid: int, kept: dict[IO[bytes], bytearray], deadline: float) -> bool:
    """Collect output until the process ends; False when the deadline comes first."""
    import selectors

    with selectors.DefaultSelector() as selector, watch(pid) as ended:
        selector.register(ended, selectors.EVENT_READ)
        for stream in kept:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            ready = {key.fileobj for key, _ in selector.select(left)}
            for stream, collected in kept.items():
                if stream in ready and not _drain(stream, collected):
                    selector.unregister(stream)
            if ended in ready:
                _drain_rest(kept)
                return True
    return False


def _drain_rest(kept: dict[IO[bytes], bytearray]) -> None:
    """Read what is in the pipes; at most a pipe's size, since others may go on writing."""
    for stream, collected in kept.items():
        for _ in range(MAX_OUTPUT // _BLOCK):
            if not _drain(stream, collected):
                break


def _drain(stream: IO[bytes], collected: bytearray) -> bool:
    """Read once; False at the end of the stream or when nothing is there."""
    try:
        block = os.read(stream.fileno(), _BLOCK)
    except BlockingIOError:
        return False
    collected += block[: max(0, MAX_OUTPUT + 1 - len(collected))]
    return bool(block)


def _text(collected: bytearray) -> str:
    text = bytes(collected[:MAX_OUTPUT]).decode("utf-8", errors="replace")
    return text + CUT if len(collected) > MAX_OUTPUT else text


def end(process: Popen[bytes]) -> None:
    """Kill the whole group of a process that has not been waited for, and free its pipes.

    What has made itself a session of its own, as daemons do, is beyond reach.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


@contextmanager
def watch(pid: int) -> Iterator[int]:
    """Give a file that is ready to be read when a process has ended: pidfd_open(2)."""
    watched = os.pidfd_open(pid)
    try:
        yield watched
    finally:
        os.close(watched)


@contextmanager
def input_file(text: str) -> Iterator[int]:
    """Give standard input as a file in memory: it can be written whole before the start."""
    file = os.memfd_create("stdin", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(file), "wb") as writer:
            writer.write(text.encode())
        os.lseek(file, 0, os.SEEK_SET)
        yield file
    finally:
        os.close(file)


@contextmanager
def _log(path: Path) -> Iterator[int]:
    with refusals(path), parent_of(path) as (folder, name):
        file = os.open(name, _LOG, 0o600, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise MachineError("is not a regular file", where=str(path))
        yield file
    finally:
        os.close(file)
