"""Which messages of a poll that was cut short are in the owner's mailbox already.

Between Dovecot's word that it has a message and the server's that it is gone there lies a moment,
by POP3 a whole session. A poll that ends in it leaves mail on the server as if it were new. The
next one is told what is in the mailbox, wherever it was moved, and does not deliver that again:
doveadm-fetch(1), doveadm-search-query(7).

BUGS: what the owner's rules threw away or sent on, and what the owner deleted for good meanwhile,
is in no mailbox and comes again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256

from mailstead.plugin import Context, Machine

CONFIG = "/etc/dovecot/dovecot.conf"
TRACE = "(fetchmail-"  # in the line that Fetchmail adds to each message
MARGIN = 10.0  # seconds by which clocks may have been corrected
TIMEOUT = 300.0


def delivered_since(
    context: Context, machine: Machine, login: str, since: float
) -> Callable[[bytes], bool]:
    """Give a function that tells of a message by its header whether the mailbox has it.

    It looks when it is first asked, which raises MachineError; each message is known once.
    """
    found: list[Counter[str]] = []

    def is_known(header: bytes) -> bool:
        if not found:
            found.append(Counter(_identities(context, machine, login, since - MARGIN)))
        identity = identity_of(lines_of(header))
        if found[0][identity] < 1:
            return False
        found[0][identity] -= 1
        return True

    return is_known


def lines_of(sent: bytes) -> list[str]:
    """Give the lines of a message's header as it is sent by LMTP, dot-stuffed."""
    lines = sent.partition(b"\r\n\r\n")[0].decode("utf-8", errors="replace").split("\r\n")
    return [line.removeprefix(".") for line in lines]


def identity_of(header: Iterable[str]) -> str:
    """Give by what a message is known: the lines of its header as they were on the server.

    Those stand below what Fetchmail added on the way, and Dovecot above it.
    """
    lines = list(header)
    start = next((number + 1 for number, line in enumerate(lines) if TRACE in line), 0)
    while start and start < len(lines) and lines[start].startswith((" ", "\t")):
        start += 1
    return sha256("\n".join(lines[start:]).encode()).hexdigest()


def _identities(context: Context, machine: Machine, login: str, since: float) -> Iterator[str]:
    argv = (
        "doveadm", "-c", str(context.path(CONFIG)), "-f", "tab", "fetch", "-u", login, "hdr",
        "mailbox", "*", "savedsince", str(int(since)), "header", "Received", TRACE,
    )  # fmt: skip
    header: list[str] = []
    with machine.run_lines(argv, timeout=TIMEOUT) as lines:
        printed = iter(lines)
        next(printed, None)  # the titles
        for line in printed:
            if line:
                header.append(line)
            elif header:
                yield identity_of(header)
                header = []
