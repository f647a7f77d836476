"""Which login a process belongs to, so that a save can be confirmed from another one.

A shell that tmux(1) or screen(1) keeps alive belongs to the connection it was started from.
See proc(5), ssh(1) on SSH_CONNECTION, pam_loginuid(8).
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path as RealPath

from mailstead.machine import processes

_NO_AUDIT_SESSION = ("", "4294967295")
_CONNECTION = re.compile(r"(?P<peer>[\w.:%-]+) \d+ [\w.:%-]+ \d+", re.ASCII)
_VARIABLE = b"SSH_CONNECTION="
_PSEUDO_TERMINALS = 136


def session(pid: int) -> str:
    """Name the login of a process: ``audit 12``, ``ssh 192.0.2.7 50022 192.0.2.1 22``.

    Without an audit session or SSH it is the kernel's session, which all commands of a
    terminal share: ``terminal 812@123456``, with the time its leader started.
    """
    audit = _read(pid, "sessionid").decode("ascii", errors="replace").strip()
    if audit not in _NO_AUDIT_SESSION:
        return f"audit {audit}"
    connection = _connection(pid)
    return f"ssh {connection.group()}" if connection else _kernel_session(pid)


def origin(pid: int) -> str:
    """Tell people where a process was started from."""
    connection = _connection(pid)
    if connection:
        return f"ssh from {connection['peer']}"
    found = processes.stat_of(pid)
    return f"terminal {_device(found.terminal)}" if found and found.terminal else "no terminal"


def _connection(pid: int) -> re.Match[str] | None:
    """Give the SSH connection of a process or of its nearest parent: sudo(8) hides it."""
    for each in (pid, *processes.ancestors(pid)):
        for entry in _read(each, "environ").split(b"\0"):
            if entry.startswith(_VARIABLE):
                value = entry.removeprefix(_VARIABLE).decode(errors="replace")
                if found := _CONNECTION.fullmatch(value):
                    return found
    return None


def _kernel_session(pid: int) -> str:
    found = processes.stat_of(pid)
    leader = found.session if found else 0
    started = processes.stat_of(leader) if leader else None
    return f"terminal {leader}@{started.started if started else 0}"


def _device(number: int) -> str:
    """Give the name of a terminal: ``pts/3``, ``tty1``; see devices.txt of the kernel."""
    major, minor = os.major(number), os.minor(number)
    if major == _PSEUDO_TERMINALS:
        return f"pts/{minor}"
    with suppress(OSError):
        return RealPath(f"/sys/dev/char/{major}:{minor}").readlink().name
    return f"{major}:{minor}"


def _read(pid: int, name: str) -> bytes:
    try:
        return (processes.PROC / str(pid) / name).read_bytes()
    except OSError:  # it has ended, is another user's, or the kernel keeps no audit
        return b""
