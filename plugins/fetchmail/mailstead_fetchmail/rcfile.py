r"""What Fetchmail is told for one poll of one account: fetchmail(1), "THE RUN CONTROL FILE".

It is given on standard input (``-f -``) and never is a file, so no password is on a disk.
Every word that anyone chose is written byte by byte as ``\xHH``: none can end its quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from mailstead.plugin import Path, types
from mailstead_fetchmail.accounts import ExternalAccount

SILENCE = 60  # seconds without a word from the server, after which it is given up
SESSION = 100  # messages deleted by POP3 before the session is ended, which makes that final


@attrs.frozen
class Delivery:
    """Where fetched mail goes and where Fetchmail keeps what it remembers.

    Attributes:
        recipient: the owner's mail account.
        socket: where it is taken by LMTP.
        state: path of what Fetchmail remembers, in a folder of its user; endings are added.
        ca: PEM file of authorities; ``None``: the system's.
    """

    recipient: str
    socket: Path
    state: Path
    ca: str | None = None


def rcfile(account: ExternalAccount, password: types.Secret, delivery: Delivery) -> str:
    """Give the run control file."""
    return "\n".join(_lines(account, password, delivery)) + "\n"


def _lines(account: ExternalAccount, password: types.Secret, delivery: Delivery) -> Iterator[str]:
    name = delivery.state
    # What the mailbox refuses stays on the server, and nobody is written to about it.
    yield "set no bouncemail"
    yield "set no spambounce"
    yield "set softbounce"
    yield f"set pidfile {_quoted(f'{name}.pid')}"
    yield f"set idfile {_quoted(f'{name}.ids')}"
    yield f"poll {_quoted(account.server)} proto {account.protocol.removesuffix('s')}"
    yield f"  service {_quoted(str(account.port))} timeout {SILENCE} no dns bad-header accept"
    yield "  uidl" if _known_by_uid(account) else "  no uidl"
    yield f"  user {_quoted(account.login)} there with password {_quoted(password.reveal())}"
    yield f"  is {_quoted(delivery.recipient)} here"
    yield f"  smtphost {_quoted(str(delivery.socket))} lmtp no rewrite no mimedecode pass8bits"
    yield f"  {' '.join(_tls(account, delivery))}"
    yield f"  {' '.join(_disposal(account))}"


def _tls(account: ExternalAccount, delivery: Delivery) -> Iterator[str]:
    if account.protocol.endswith("s"):
        yield "ssl"
    if account.verify_tls:
        yield 'sslproto "auto" sslcertck'
    else:
        yield "no sslcertck"
    if delivery.ca:
        yield f"sslcertfile {_quoted(delivery.ca)}"


def _disposal(account: ExternalAccount) -> Iterator[str]:
    yield "keep" if account.keep else "no keep"
    if _known_by_uid(account):
        yield "no fetchall"
    elif account.protocol.startswith("pop3"):
        yield f"fetchall expunge {SESSION}"
    else:
        yield "fetchall" if account.fetch_read else "no fetchall"


def _known_by_uid(account: ExternalAccount) -> bool:
    """Tell whether Fetchmail must know what it fetched: POP3 does not tell what was read."""
    return account.protocol.startswith("pop3") and account.keep


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'
