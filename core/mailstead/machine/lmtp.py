"""A gate for mail: an LMTP server that hands each message on to another; RFC 2033.

It stands between a program that takes a refusal for leave to throw the message away and a server
that may refuse: what was not delivered for certain is answered by closing the connection, which
nobody takes for a delivery.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path as RealPath

from mailstead.errors import MailsteadError, StaysThere
from mailstead.machine.folders import refusals
from mailstead.machine.values import Path

NAME = "localhost"
PATIENCE = 600.0  # seconds for an answer: RFC 5321 section 4.5.3.2.6
LONGEST_END = 10.0  # seconds to wait for the server's answer when the program has ended
MOST_REFUSALS = 20  # then nobody may come in any more
LONGEST_LINE = 4096
LONGEST_HEADER = 1 << 20
_BLOCK = 1 << 16
_END = b"\r\n.\r\n"
_BAD_SENDERS = (b"501", b"553")
_HELLO = f"250-{NAME}\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES".encode()


class _Closed(Exception):
    """A connection is over."""


class _Refused(Exception):
    """The server does not take a message; its words."""


class _Lost(_Refused):
    """The server went away; whether it has the message is not known."""


@contextmanager
def lmtp_gate(
    listen: Path,
    target: Path,
    *,
    uid: int,
    gid: int,
    is_known: Callable[[bytes], bool] | None,
    on_taken: Callable[[bytes], None] | None,
    heading: bytes,
) -> Iterator[LmtpGate]:
    """Hold a gate open; see `mailstead.machine.base.Machine.lmtp_gate`."""
    with suppress(FileNotFoundError), refusals(listen, missing=True):
        RealPath(listen).unlink()
    with closing(socket.socket(socket.AF_UNIX)) as server:
        with refusals(listen):
            before = os.umask(0o177)
            try:
                server.bind(str(listen))
            finally:
                os.umask(before)
            os.chown(listen, uid, gid)
        server.listen(1)
        gate = LmtpGate(target, is_known, on_taken, heading)
        keeper = threading.Thread(target=gate.keep, args=(server,), daemon=True)
        keeper.start()
        try:
            yield gate
        finally:
            gate.close(server)
            keeper.join(LONGEST_END)
            with suppress(FileNotFoundError):
                RealPath(listen).unlink()


class LmtpGate:
    """What came through, and what the server said when it did not take a message."""

    def __init__(
        self,
        target: Path,
        is_known: Callable[[bytes], bool] | None,
        on_taken: Callable[[bytes], None] | None,
        heading: bytes,
    ) -> None:
        self.delivered = 0
        self.known = 0
        self.unsure = 0
        self.refusal = ""
        self._target = target
        self._is_known = is_known
        self._on_taken = on_taken or (lambda _: None)
        self._heading = heading + b"\r\n" if heading else b""
        self._refusals = 0
        self._is_shut = False
        self._client: socket.socket | None = None
        self._lock = threading.Lock()

    def keep(self, server: socket.socket) -> None:
        """Serve one connection after another, until the gate is shut or closed."""
        while not self._is_shut:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with self._lock:
                self._client = client
            with closing(client):
                client.settimeout(PATIENCE)
                with suppress(OSError, _Closed):
                    self._serve(_Stream(client))
            with self._lock:
                self._client = None
        with suppress(OSError):
            server.close()

    def close(self, server: socket.socket) -> None:
        """End the connection there is, and take no other."""
        with self._lock:
            for item in (server, self._client):
                if item is not None:
                    with suppress(OSError):
                        item.shutdown(socket.SHUT_RDWR)

    def _serve(self, client: _Stream) -> None:
        client.answer(b"220 " + NAME.encode() + b" LMTP")
        with _Server(self._target) as server:
            envelope: list[bytes] = []
            while True:
                line = client.line()
                verb = line[:4].upper()
                if verb in (b"MAIL", b"RCPT"):
                    envelope.append(line)
                    client.answer(b"250 2.1.0 OK")
                elif verb == b"DATA" and envelope:
                    self._take(client, server, envelope)
                    envelope = []
                elif verb == b"RSET":
                    envelope = []
                    client.answer(b"250 2.0.0 OK")
                elif verb == b"QUIT":
                    client.answer(b"221 2.0.0 Bye")
                    return
                else:
                    known = {b"LHLO": _HELLO, b"NOOP": b"250 2.0.0 OK"}
                    client.answer(known.get(verb, b"503 5.5.1 not now"))

    def _take(self, client: _Stream, server: _Server, envelope: list[bytes]) -> None:
        """Hand one message on; the connection is closed when it was not delivered."""
        try:
            # The server is asked while the message is on its way: it looks its user up meanwhile.
            client.answer(b"354 go on")
            head = client.header()
            if self._knows(client, head):
                client.skip_message(head)
                self.known += 1
                client.answer(b"250 2.0.0 it is there already")
                return
            server.begin(envelope)
            said = self._hand_on(client, server, head)
        except StaysThere as error:
            # Whoever sends such messages must neither shut the gate nor hide what else is wrong.
            if not self._refusals:
                self.refusal = str(error)
            raise _Closed from error
        except (_Refused, MailsteadError) as error:
            self.refusal = str(error)
            self._refusals += 1
            self._is_shut |= self._refusals >= MOST_REFUSALS
            raise _Closed from error
        self.delivered += 1
        self._tell(head)
        client.answer(said)
        if self._is_shut:
            raise _Closed

    def _knows(self, client: _Stream, head: bytes) -> bool:
        """Tell whether a message is there already. Raises MailsteadError."""
        try:
            return self._is_known is not None and self._is_known(head)
        except StaysThere:
            # Who cannot write a message to its end may end altogether, as fetchmail(1) does, and
            # begin with this very one the next time; who gets no answer to it goes on.
            client.skip_message(head)
            raise

    def _tell(self, head: bytes) -> None:
        """Tell of a message that was taken; where that cannot be done, it is the last."""
        try:
            self._on_taken(head)
        except MailsteadError as error:
            self.refusal, self._is_shut = str(error), True

    def _hand_on(self, client: _Stream, server: _Server, head: bytes) -> bytes:
        self.unsure += 1
        try:
            server.send(self._heading)
            client.pass_message(head, server.send)
            said = server.end()
        except _Lost:
            # It may be there: tried again before anybody has looked, it could come twice.
            self._is_shut = True
            raise
        except BaseException:
            self.unsure -= 1
            raise
        self.unsure -= 1
        return said


class _Stream:
    """One side of a conversation."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""

    def line(self) -> bytes:
        """Read a line without its end."""
        while b"\n" not in self._buffer:
            if len(self._buffer) > LONGEST_LINE:
                raise _Closed
            self._buffer += self._read()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def answer(self, text: bytes) -> None:
        """Send an answer."""
        self._connection.sendall(text + b"\r\n")

    def header(self) -> bytes:
        """Read a message up to the end of its header, or what came if that is long."""
        head = b"\r\n" + self._buffer
        while b"\r\n\r\n" not in head and not head.endswith(_END) and len(head) < LONGEST_HEADER:
            head += self._read()
        self._buffer = b""
        return head[2:]

    def skip_message(self, head: bytes) -> None:
        """Read the rest of a message."""
        self.pass_message(head, lambda _: None)

    def pass_message(self, head: bytes, send: Callable[[bytes], None]) -> None:
        """Pass a message on to its final dot, as it comes: its lines stay dot-stuffed.

        ``head`` is what was read of it so far.
        """
        block = head
        last = b"\r\n"
        while True:
            send(block)
            last = (last + block)[-len(_END) :]
            if last == _END:
                return
            block = self._read()

    def _read(self) -> bytes:
        block = self._connection.recv(_BLOCK)
        if not block:
            raise _Closed
        return block


class _Server:
    """The server that mail is handed on to; connected to with the first message."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._connection: socket.socket | None = None
        self._stream: _Stream | None = None

    def __enter__(self) -> _Server:
        return self

    def __exit__(self, *error: object) -> None:
        if self._connection is not None:
            with suppress(OSError):
                self._connection.sendall(b"QUIT\r\n")
            self._connection.close()

    def begin(self, envelope: list[bytes]) -> None:
        """Begin a message. Raises _Refused."""
        try:
            said = self._begin(envelope)
        except _Lost as error:
            raise _Refused(str(error)) from error  # it has nothing of the message yet
        if not said.startswith((b"2", b"3")):
            raise _Refused(_text(said))

    def _begin(self, envelope: list[bytes]) -> bytes:
        with self._refusals():
            if self._connection is None:
                self._connect()
            said = self._ask(envelope[:1])
            if said.startswith(_BAD_SENDERS):
                # The sender is a stranger's header by now: better none than no message.
                said = self._ask([b"MAIL FROM:<>"])
            if said.startswith(b"2"):
                said = self._ask([*envelope[1:], b"DATA"])
            return said

    def send(self, block: bytes) -> None:
        """Send a part of a message. Raises _Refused."""
        with self._refusals():
            self._send(block)

    def end(self) -> bytes:
        """Give the answer to a whole message. Raises _Refused."""
        with self._refusals():
            said = self._answer()
        if not said.startswith(b"2"):
            raise _Refused(_text(said))
        return said

    def _ask(self, lines: list[bytes]) -> bytes:
        """Send lines at once, as PIPELINING allows; gives the first bad answer, or the last."""
        self._send(b"".join(line + b"\r\n" for line in lines))
        answers = [self._answer() for _ in lines]
        return next((said for said in answers if said[:1] not in b"23"), answers[-1])

    def _connect(self) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(PATIENCE)
        self._connection.connect(str(self._target))
        self._stream = _Stream(self._connection)
        self._answer()
        self._send(f"LHLO {NAME}\r\n".encode())
        self._answer()

    def _send(self, data: bytes) -> None:
        assert self._connection is not None  # noqa: S101 - connected before
        self._connection.sendall(data)

    def _answer(self) -> bytes:
        """Give the last line of an answer."""
        assert self._stream is not None  # noqa: S101 - connected before
        while True:
            line = self._stream.line()
            if line[3:4] != b"-":
                return line

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _Lost(f"{self._target}: {error.strerror or error}") from error
        except _Closed as error:
            raise _Lost(f"{self._target}: the connection was lost") from error


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace")
