"""How full a mailbox is, as Dovecot counts: doveadm-quota(1)."""

from __future__ import annotations

import attrs

from mailstead.plugin import Context, Machine, MachineError

CONFIG = "/etc/dovecot/dovecot.conf"
KIB = 1024


@attrs.frozen
class Usage:
    """Bytes and messages in a mailbox; ``limit`` is in bytes, ``None`` where there is none."""

    size: int
    limit: int | None
    messages: int


def usage_of(context: Context, machine: Machine, login: str) -> Usage:
    """Give how full a login's mailbox is. Raises MachineError."""
    argv = ("doveadm", "-c", str(context.path(CONFIG)), "-f", "tab", "quota", "get", "-u", login)
    done = machine.run(argv)
    if done.status != 0:
        hint = "mail_retrieval must be enabled, saved and running"
        raise MachineError(done.output.strip(), where=" ".join(argv), hint=hint)
    found: dict[str, tuple[int, int | None]] = {}
    for line in done.stdout.splitlines()[1:]:
        _, kind, value, limit, *_ = line.split("\t")
        found[kind] = (int(value), int(limit) if limit.isdigit() else None)
    size, limit_kib = found.get("STORAGE", (0, None))
    limit_bytes = None if limit_kib is None else limit_kib * KIB
    return Usage(size * KIB, limit_bytes, found.get("MESSAGE", (0, None))[0])
