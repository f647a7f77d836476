"""The kernel's lock, against a real second process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mailstead.errors import Locked
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path

HOLD = """
import sys, time
from mailstead.machine.values import Path
from mailstead.machine.lock import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that holds the lock."""
    argv = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.kill()


def test_the_holder_is_named_and_its_death_frees_the_lock(real: RealMachine, root: Path) -> None:
    """After kill -9 nothing has to be cleaned up."""
    path = root / "lock"
    with holder(path) as process:
        with pytest.raises(Locked, match=rf"process {process.pid} \(python"), real.lock(path):
            pass
        process.kill()
        process.wait()
        with real.lock(path):
            pass


def test_a_command_run_under_the_lock_does_not_inherit_it(real: RealMachine, root: Path) -> None:
    """A daemon started while saving would hold it for ever."""
    with real.lock(root / "lock"):
        done = real.run(["ls", "-l", "/proc/self/fd"])
    assert "lock" not in done.stdout
