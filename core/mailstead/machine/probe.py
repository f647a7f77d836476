"""Talking to a service as a client would: SMTP, LMTP, IMAP, POP3 and ManageSieve.

A turn's reply ends with its first final line. Lines that continue are ``250-`` (SMTP, LMTP),
``* `` after a command (IMAP) and ``"`` (ManageSieve capabilities). POP3's multi-line replies
are not known here: use commands with one line. After STARTTLS or STLS the socket speaks TLS.
"""

from __future__ import annotations

import re
import time
from contextlib import closing
from typing import TYPE_CHECKING

from mailstead.errors import ProbeFailed
from mailstead.machine.conversation import Conversation, Say

if TYPE_CHECKING:
    import socket
    import ssl

MAX_LINE = 8192
MAX_LINES = 1000
_SECRET_VERBS = re.compile(r"\b(AUTH|AUTHENTICATE|LOGIN|PASS)\b.*", re.IGNORECASE)
_ASKED_FOR_SECRET = ("334", "+ ")


def converse(conversation: Conversation, *, timeout: float) -> None:
    """Hold a conversation within ``timeout`` seconds. Raises ProbeFailed."""
    line = _Line(conversation, time.monotonic() + timeout)
    with closing(line):
        line.connect()
        asked = False
        for number, turn in enumerate(conversation.turns, start=1):
            line.turn = f"turn {number} ({_shown(turn, asked=asked)})"
            line.hold(turn)
            asked = turn.expect.startswith(_ASKED_FOR_SECRET)


def wants_tls(sent: str | None) -> bool:
    """Tell whether a command asks to go on in TLS."""
    return sent is not None and sent.upper().split(" ")[-1] in ("STARTTLS", "STLS")


def is_final(reply: str, sent: str | None) -> bool:
    """Tell whether a line ends the reply to what was sent."""
    if re.match(r"\d{3}-", reply) or reply.startswith('"'):
        return False
    return sent is None or not reply.startswith("* ")


def _shown(turn: Say, *, asked: bool) -> str:
    """Show what is sent without the secrets in it."""
    if turn.send is None:
        return "greeting"
    return "an answer" if asked else _SECRET_VERBS.sub(r"\1 ...", turn.send)


class _Line:
    """One connection: reads lines before a deadline and fails in words."""

    def __init__(self, conversation: Conversation, deadline: float) -> None:
        self.conversation = conversation
        self.deadline = deadline
        self.turn = "connecting"
        self.buffer = b""
        self.peer: socket.socket | None = None

    def close(self) -> None:
        if self.peer is not None:
            self.peer.close()

    def connect(self) -> None:
        try:
            self.peer = self._open()
            if self.conversation.tls:
                self.upgrade()
        except OSError as error:
            raise self._failed(f"no connection: {_reason(error)}") from error

    def hold(self, turn: Say) -> None:
        try:
            came = self._exchange(turn)
        except OSError as error:
            raise self._failed(f"expected {turn.expect!r}, but {_reason(error)}") from error
        if not came.startswith(turn.expect):
            raise self._failed(f"expected {turn.expect!r}, got {came!r}")
        if wants_tls(turn.send):
            self._start_tls(turn)

    def upgrade(self) -> None:
        plain = self._timed()
        self.peer = _unverified().wrap_socket(plain, server_hostname=None)

    def _start_tls(self, turn: Say) -> None:
        if self.buffer:
            raise self._failed("it said more in the clear after agreeing to TLS")
        try:
            self.upgrade()
        except OSError as error:
            raise self._failed(f"no TLS after {turn.expect!r}: {_reason(error)}") from error

    def _open(self) -> socket.socket:
        import socket

        where = self.conversation
        if not where.socket:
            return socket.create_connection((where.address, where.port), timeout=self._left())
        peer = self.peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.settimeout(self._left())
        peer.connect(where.socket)
        return peer

    def _exchange(self, turn: Say) -> str:
        if turn.send is not None:
            self._timed().sendall(turn.send.encode() + b"\r\n")
        for _ in range(MAX_LINES):
            line = self._read_line()
            if is_final(line, turn.send):
                return line
        raise self._failed(f"more than {MAX_LINES} lines without an end")

    def _read_line(self) -> str:
        while b"\n" not in self.buffer:
            if len(self.buffer) > MAX_LINE:
                raise self._failed(f"a line of more than {MAX_LINE} bytes")
            block = self._timed().recv(4096)
            if not block:
                raise ConnectionResetError("the connection was closed")
            self.buffer += block
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r").decode(errors="replace")

    def _timed(self) -> socket.socket:
        if self.peer is None:
            raise ConnectionResetError("there is no connection")
        self.peer.settimeout(self._left())
        return self.peer

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _failed(self, problem: str) -> ProbeFailed:
        return ProbeFailed(f"{self.turn}: {problem}", where=str(self.conversation))


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "nothing came in time"
    return (error.strerror or str(error)).lower()


def _unverified() -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
