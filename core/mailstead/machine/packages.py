"""Debian packages; see dpkg-query(1), apt-cache(8), apt-get(8)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailstead.errors import CommandFailed, MachineError
from mailstead.machine.base import Machine
from mailstead.machine.values import Completed

INSTALL_TIMEOUT = 1800.0
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+]")  # a "-" at the end would mean: remove
_QUERY = r"${db:Status-Status} ${Package} ${Version}\n"
_APT = (
    "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y",
    "-o", "DPkg::Lock::Timeout=120",
)  # fmt: skip
# Nothing is removed: another mail server would be, and nobody has agreed to that.
_INSTALL = (
    "install", "--no-install-recommends", "--no-remove",
    "-o", "Dpkg::Options::=--force-confold", "--",
)  # fmt: skip


def package_versions(machine: Machine, names: Sequence[str]) -> dict[str, str]:
    """Give the versions of those packages that are installed."""
    if not names:
        return {}
    # A status of 1 only says that some are unknown; the others are listed.
    answer = machine.run(["dpkg-query", "-W", "-f", _QUERY, "--", *_checked(names)])
    rows = [line.split(" ", 2) for line in answer.stdout.splitlines()]
    return {row[1]: row[2] for row in rows if row[0] == "installed"}


def available_version(machine: Machine, name: str) -> str | None:
    """Give the version that would be installed."""
    answer = machine.run(["apt-cache", "policy", "--", *_checked([name])])
    found = re.search(r"^ +Candidate: (\S+)$", answer.stdout, re.MULTILINE)
    return None if found is None or found[1] == "(none)" else found[1]


def install_packages(machine: Machine, names: Sequence[str]) -> None:
    """Install packages; the lists are fetched first when a name is not in them."""
    if not names:
        return
    if any(available_version(machine, name) is None for name in names):
        _apt(machine, "update")
    _apt(machine, *_INSTALL, *_checked(names))


def _apt(machine: Machine, *words: str) -> Completed:
    argv = (*_APT, *words)
    answer = machine.run(argv, timeout=INSTALL_TIMEOUT)
    if answer.status != 0:
        raise CommandFailed(argv, answer.status, answer.output)
    return answer


def _checked(names: Sequence[str]) -> list[str]:
    for name in names:
        if not _NAME.fullmatch(name):
            raise MachineError(f"{name!r} is not the name of a Debian package")
    return list(names)
