"""A lock of the kernel's: it dies with its holder, however that ends; see flock(2)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mailstead.errors import Locked
from mailstead.machine.folders import parent_of, refusals
from mailstead.machine.processes import process
from mailstead.machine.values import Path

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_PID_DIGITS = 20


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a lock. The file stays: removing it would let two hold locks of one name."""
    with refusals(path), parent_of(path) as (folder, name):
        file = os.open(name, _OPEN, 0o600, dir_fd=folder)
    try:
        _take(file, path)
        yield
    finally:
        os.close(file)


def locked_by(path: Path, holder: str) -> Locked:
    """Give the error for a lock that another holds."""
    return Locked(
        f"{holder} is at work", where=str(path), hint="wait until it has finished, then try again"
    )


def _take(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise locked_by(path, _holder(file)) from error
    with suppress(OSError):  # the id is only for people: a full disk must not refuse the lock
        os.ftruncate(file, 0)
        os.pwrite(file, b"%d\n" % os.getpid(), 0)


def _holder(file: int) -> str:
    written = os.pread(file, _PID_DIGITS, 0).strip()
    if not written.isdigit():
        return "another process"
    found = process(int(written))
    return f"process {int(written)} ({found.name})" if found else "another process"
