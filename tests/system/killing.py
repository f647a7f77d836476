"""End daemons and commands as power does: kill -9, no goodbye."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.system.sandbox import Sandbox

POSTFIX = "/var/spool/postfix/pid/master.pid"
DOVECOT = "/run/dovecot/master.pid"


def kill_daemons(sandbox: Sandbox, *pid_files: str) -> None:
    """Kill master processes and all that descend from them, masters first."""
    masters = [int(sandbox.path(name).read_text()) for name in pid_files]
    for pid in (*masters, *descendants(*masters)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_save(sandbox: Sandbox, after: float) -> None:
    """Begin to save, and kill the command some seconds later."""
    save = subprocess.Popen(
        [sys.executable, "-m", "mailstead.cli", "save"],
        env={**os.environ, "MAILSTEAD_INSTANCE": str(sandbox.folder)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(after)
    save.kill()
    save.wait()


def descendants(*pids: int) -> list[int]:
    """Give the children of processes, their children, and so on."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(status.parent.name))
    found = list(pids)
    for pid in found:
        found += children.get(pid, [])
    return found[len(pids) :]
