"""Start, stop and signal a command that stays, where there is no systemd to do it.

``python -m mailstead.machine.resident start PIDFILE COMMAND...``, ``stop PIDFILE`` and ``reload
PIDFILE``. The command inherits a lock on its pid file (flock(2)): as long as the lock is held the
process is alive and the number in the file is its own, whatever was killed meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

USAGE = "usage: start PIDFILE COMMAND... | stop PIDFILE | reload PIDFILE"
NOT_RUNNING = 3
_SIGNALS = {"stop": signal.SIGTERM, "reload": signal.SIGHUP}


def main(words: Sequence[str]) -> int:
    """Obey one command line; gives the exit status."""
    verb, pid_file, *command = (*words, "", "")[: max(len(words), 2)]
    if verb == "start" and pid_file and command:
        return _start(pid_file, command)
    if verb in _SIGNALS and pid_file and not command:
        return _signal(pid_file, _SIGNALS[verb])
    sys.stderr.write(f"{USAGE}\n")
    return 2


def _start(pid_file: str, command: Sequence[str]) -> int:
    file = os.open(pid_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    if not _lock(file):
        return 0
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=(file,)
    )
    os.ftruncate(file, 0)
    os.write(file, b"%d\n" % child.pid)
    child.returncode = 0  # it outlives this process, and nobody waits for it here
    return 0


def _signal(pid_file: str, number: signal.Signals) -> int:
    try:
        file = os.open(pid_file, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return NOT_RUNNING
    if _lock(file):
        return NOT_RUNNING
    os.kill(int(os.read(file, 32)), number)
    return 0


def _lock(file: int) -> bool:
    """Take the lock; tells whether nobody held it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
