"""Clients that send without end, and remember what the server took responsibility for."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from uuid import uuid4

import attrs

from tests.system.sandbox import Sandbox

PAUSE = 0.03


@attrs.frozen
class Client:
    """Where a client sends from, and to whom."""

    source: str
    recipient: str


@attrs.define
class Load:
    """Several clients at once."""

    sandbox: Sandbox
    accepted: dict[str, list[str]] = attrs.field(factory=dict)
    ending: threading.Event = attrs.field(factory=threading.Event)

    @classmethod
    @contextmanager
    def on(cls, sandbox: Sandbox, clients: Sequence[Client]) -> Iterator[Load]:
        """Send while the block runs."""
        load = cls(sandbox, {client.recipient: [] for client in clients})
        threads = [threading.Thread(target=load.send_on, args=(item,)) for item in clients]
        for thread in threads:
            thread.start()
        try:
            yield load
        finally:
            load.ending.set()
            for thread in threads:
                thread.join()

    def send_on(self, client: Client) -> None:
        """Send message after message; connect again when the server is gone or refuses."""
        while not self.ending.wait(PAUSE):
            with suppress(OSError, smtplib.SMTPException), self._connect(client) as link:
                while not self.ending.wait(PAUSE):
                    name = f"<{uuid4().hex}@load.example>"
                    text = f"Message-ID: {name}\r\nSubject: load\r\n\r\n" + "x" * 64 + "\r\n"
                    link.sendmail("load@elsewhere.example", [client.recipient], text)
                    self.accepted[client.recipient].append(name)

    def _connect(self, client: Client) -> smtplib.SMTP:
        return self.sandbox.smtp(source=client.source)
