"""Another mail server that keeps each message byte by byte, as it crossed the wire."""

from __future__ import annotations

import socketserver
import threading
from contextlib import suppress

from tests.system.sandbox import free_place

END = b"\r\n.\r\n"


class Recorder(socketserver.ThreadingTCPServer):
    """An SMTP server that ends a message at ``END`` only and keeps what was before it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free loopback address."""
        super().__init__(free_place(), _Conversation)
        self.messages: list[bytes] = []
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def route(self) -> str:
        """Give it as ``[address]:port``."""
        host, port = self.server_address[:2]
        return f"[{host!s}]:{port}"

    def stop(self) -> None:
        """End it."""
        self.shutdown()
        self.server_close()
        self.thread.join()


class _Conversation(socketserver.StreamRequestHandler):
    server: Recorder

    def handle(self) -> None:
        with suppress(ConnectionError):  # the other side was killed
            self._talk()

    def _talk(self) -> None:
        self._say("220 recorder.example")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self._say("354 go on")
                self._record()
            self._say("221 bye" if word == b"QUIT" else "250 yes")

    def _record(self) -> None:
        content = b"\r\n"
        while not content.endswith(END):
            block = self.rfile.readline()
            if not block:
                return
            content += block
        self.server.messages.append(content)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
