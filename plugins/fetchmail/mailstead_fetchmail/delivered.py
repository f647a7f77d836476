"""Which messages of a poll that was cut short were delivered already.

Between Dovecot's word that it has a message and the server's that it is gone there lies a moment,
by POP3 a whole session. A poll that ends in it leaves mail on the server as if it were new, and
the next one must not deliver that again. Two know what was delivered:

- A record, a file for each account: each message is noted there when Dovecot has taken it, before
  Fetchmail is told so. What the owner's rules threw away or sent on is in it as well.
- The owner's mailbox, wherever mail was moved in it: doveadm-fetch(1), doveadm-search-query(7).
  It has what the record may not: what Dovecot took when it, we or the power went away just then.

BUGS: what the rules threw away or sent on in the moment when Dovecot, we or the power went away
is in neither and comes again; after a power failure that is a moment of some seconds, since the
record is not synced. Of two messages with the same header to the last byte, one may be taken for
the other when one went from the server before the poll was cut short.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from hashlib import sha256

from mailstead.plugin import Context, Machine, Path
from mailstead_fetchmail.places import FOLDER

CONFIG = "/etc/dovecot/dovecot.conf"
TRACE = "(fetchmail-"  # in the line that Fetchmail adds to each message
MARGIN = 10.0  # seconds by which clocks may have been corrected
TIMEOUT = 300.0
_SUFFIX = ".delivered"
_BLOCK = 1 << 16


def record_of(context: Context, number: int | str) -> Path:
    """Give the record of an account."""
    return context.path(f"{FOLDER}/{number}{_SUFFIX}")


def recorded(context: Context, machine: Machine) -> frozenset[int]:
    """Give the numbers of accounts that have a record."""
    names = machine.list_directory(context.path(FOLDER))
    numbers = (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))
    return frozenset(int(number) for number in numbers if number.isdecimal())


def noting(machine: Machine, record: Path) -> Callable[[bytes], None]:
    """Give a function that notes a message by its header. It raises MachineError."""

    def note(header: bytes) -> None:
        # The line is begun here, not ended: one that was torn by a kill does not tear the next.
        machine.append_file(record, f"\n{identity_of(lines_of(header))}".encode())

    return note


def delivered_since(
    context: Context, machine: Machine, login: str, since: float, record: Path
) -> Callable[[bytes], bool]:
    """Give a function that tells of a message by its header whether it was delivered.

    It looks when it is first asked, which raises MachineError; each message is known once.
    """
    found: list[Counter[str]] = []

    def is_known(header: bytes) -> bool:
        if not found:
            stored = _stored(context, machine, login, since - MARGIN)
            # What is in both is one message.
            found.append(Counter(_noted(machine, record)) | Counter(stored))
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


def _noted(machine: Machine, record: Path) -> Iterator[str]:
    rest = b""
    with suppress(FileNotFoundError), machine.read_stream(record) as stream:
        for block in iter(partial(stream.read, _BLOCK), b""):
            *lines, rest = (rest + block).split(b"\n")
            yield from (line.decode() for line in lines)
    yield rest.decode()


def _stored(context: Context, machine: Machine, login: str, since: float) -> Iterator[str]:
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
