"""Running processes, listening sockets and network interfaces; see proc(5)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path as RealPath

import attrs

from mailstead.errors import MachineError
from mailstead.machine.values import Listener, NetworkInterface, ProcessState

PROC = RealPath("/proc")
_GONE = "ZXx"
LOOKS = 3  # at the sockets, when a process ends meanwhile


@attrs.frozen
class Stat:
    """What /proc/<pid>/stat says; ``session`` is its leader's id, ``terminal`` a device."""

    name: str
    state: str
    parent: int
    session: int
    terminal: int
    started: int


def process(pid: int) -> ProcessState | None:
    """Tell about a running process."""
    found = stat_of(pid)
    if found is None or found.state in _GONE:
        return None
    return ProcessState(pid=pid, started=found.started, name=found.name)


def me() -> ProcessState:
    """Tell about the process that we are."""
    found = process(os.getpid())
    assert found is not None  # noqa: S101 - we are running
    return found


def ancestors(pid: int) -> tuple[int, ...]:
    """Give the ids of a process's parents, nearest first."""
    return tuple(_climb(pid))


def stat_of(pid: int) -> Stat | None:
    """Read what the kernel tells of a process, or of one that has just ended."""
    try:
        text = (PROC / str(pid) / "stat").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return Stat(
        name=head.partition("(")[2],
        state=fields[0],
        parent=int(fields[1]),
        session=int(fields[3]),
        terminal=int(fields[4]),
        started=int(fields[19]),
    )


def listeners() -> tuple[Listener, ...]:
    """List listening TCP sockets."""
    found = _listeners()
    for _ in range(LOOKS - 1):
        if all(item.process for item in found if item.pid):
            break
        found = _listeners()  # one ended meanwhile: its sockets are gone, or another's now
    return found


def _listeners() -> tuple[Listener, ...]:
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError) as error:
        raise MachineError(f"the list of sockets cannot be read: {error}") from error
    found = {
        Listener(*entry.laddr, pid=entry.pid, process=_name(entry.pid))
        for entry in connections
        if entry.status == psutil.CONN_LISTEN and entry.laddr
    }
    return tuple(sorted(found, key=lambda item: (item.port, item.address, item.pid or 0)))


def interfaces() -> tuple[NetworkInterface, ...]:
    """List network interfaces with their IP addresses."""
    import psutil

    addresses, states = psutil.net_if_addrs(), psutil.net_if_stats()
    return tuple(
        NetworkInterface(
            name=name,
            addresses=_ip_addresses((item.family, item.address) for item in addresses[name]),
            up=name in states and states[name].isup,
        )
        for name in sorted(addresses)
    )


def _ip_addresses(entries: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    import socket

    families = (socket.AF_INET, socket.AF_INET6)
    return tuple(address.partition("%")[0] for family, address in entries if family in families)


def _name(pid: int | None) -> str:
    found = stat_of(pid) if pid else None
    return found.name if found else ""


def _climb(pid: int) -> Iterator[int]:
    found = stat_of(pid)
    while found is not None and found.parent > 0:
        yield found.parent
        found = stat_of(found.parent)
