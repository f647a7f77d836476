"""Conversations byte by byte, for what no well-behaved client would say."""

from __future__ import annotations

import socket
from contextlib import suppress
from types import TracebackType

import attrs

from tests.system.sandbox import STRANGER, Sandbox, trust


@attrs.define
class Raw:
    """A connection that sends what it is told and gives what it is answered."""

    link: socket.socket
    pending: bytes = b""

    @classmethod
    def to(cls, sandbox: Sandbox, port: int, source: str = STRANGER) -> Raw:
        """Connect to a port and read nothing yet."""
        place = (sandbox.address, sandbox.port(port))
        return cls(socket.create_connection(place, timeout=20, source_address=(source, 0)))

    def send(self, data: bytes) -> None:
        """Send bytes as they are; when the server has hung up, nothing answers."""
        with suppress(ConnectionError):
            self.link.sendall(data)

    def line(self) -> bytes:
        """Give the next line without its end; empty when the server has hung up."""
        while b"\n" not in self.pending:
            try:
                block = self.link.recv(65536)
            except ConnectionError:
                return b""
            if not block:
                return b""
            self.pending += block
        line, _, self.pending = self.pending.partition(b"\n")
        return line.rstrip(b"\r")

    def reply(self) -> bytes:
        """Give the last line of an SMTP reply."""
        line = self.line()
        while line[3:4] == b"-":
            line = self.line()
        return line

    def ask(self, command: bytes) -> bytes:
        """Send an SMTP command and give the last line of its reply."""
        self.send(command + b"\r\n")
        return self.reply()

    def start_tls(self) -> None:
        """Go on inside TLS; bytes that arrived before are kept, to be seen."""
        self.link = trust().wrap_socket(self.link)

    def __enter__(self) -> Raw:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.link.close()
