"""Dialogues with services, as data: a probe's, and that of handing mail to another server."""

from __future__ import annotations

import attrs


@attrs.frozen
class Say:
    """One turn of a probe: send a line (none: only listen), expect a reply.

    Attributes:
        send: the line without its end; ``None`` waits for the greeting.
        expect: the reply must begin so; multi-line SMTP replies are read to their last line.
    """

    send: str | None
    expect: str


@attrs.frozen
class Conversation:
    """A dialogue with a service, as data: a probe needs no plugin code to be run again.

    Attributes:
        address: IP address, or empty with ``socket`` set.
        port: TCP port.
        socket: path of a Unix socket instead of address and port.
        tls: implicit TLS from the first byte (the certificate is not verified: a probe asks
            whether our own daemon speaks, not who signed it).
        turns: what is said, in order.
    """

    turns: tuple[Say, ...]
    address: str = ""
    port: int = 0
    socket: str = ""
    tls: bool = False

    def __str__(self) -> str:
        return self.socket or f"{self.address}:{self.port}"


@attrs.frozen
class Submission:
    """What it takes to hand mail to another server.

    Attributes:
        tls: ``none``; ``opportunistic``: where it is offered, unverified; ``required``: STARTTLS
            with a verified certificate; ``implicit``: verified, from the first byte.
        ca: path of a PEM file of who may sign the certificate.
        clear_password: the password may be sent without TLS.
        hello: the name to greet with.
        recipient: where to send a message; empty: none is sent.
    """

    host: str
    port: int
    tls: str
    ca: str
    hello: str
    user: str = ""
    password: str = attrs.field(default="", repr=False)
    clear_password: bool = False
    sender: str = ""
    recipient: str = ""


@attrs.frozen
class SubmissionStep:
    """One step of it, and the server's words."""

    title: str
    is_done: bool
    said: str
