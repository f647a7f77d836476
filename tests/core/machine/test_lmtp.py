"""The gate for mail, between a client that is written out here and a server that obeys a script."""

from __future__ import annotations

import os
import select
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path as HostPath

import pytest

from mailstead.errors import MachineError, StaysThere
from mailstead.machine.handles import Gate
from mailstead.machine.lmtp import MOST_REFUSALS
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path
from mailstead.machine.waiting import wait_until

MAIL = "Subject: hi\r\n\r\nbody\r\n..dot\r\n.\r\n"


class Server:
    """Takes mail, or says what it is told to say to a command."""

    def __init__(self, place: HostPath) -> None:
        self.taken: list[tuple[str, str]] = []
        self.connections = 0
        self.says: dict[str, str] = {}
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(place))
        self._socket.listen()
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        with suppress(OSError):  # it was stopped already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with closing(client), suppress(OSError), client.makefile("rwb") as stream:
                self._serve(stream)

    def _serve(self, stream: object) -> None:
        def say(text: str) -> None:
            stream.write(f"{text}\r\n".encode())  # type: ignore[attr-defined]
            stream.flush()  # type: ignore[attr-defined]

        say("220 hello")
        envelope: list[str] = []
        for raw in stream:  # type: ignore[attr-defined]
            line = raw.decode().strip()
            answer = self.says.get(line, self.says.get(line[:4], "250-first\r\n250 OK"))
            if line == "DATA":
                said = self.says.get("DATA", "354 go on" if len(envelope) == 2 else "503 no")
                say(said)
                if said.startswith("354"):
                    message = b"".join(iter(stream.readline, b".\r\n"))  # type: ignore[attr-defined]
                    answer = self.says.get("end", "250 2.0.0 saved")
                    if answer == "vanish":
                        return
                    if answer.startswith("2"):
                        self.taken.append((" ".join(envelope), message.decode()))
                    say(answer)
                envelope = []
                continue
            if line[:4] in ("MAIL", "RCPT") and answer.startswith("250"):
                envelope.append(line)
            say(answer)


class Client:
    """Says things and gives the answers."""

    def __init__(self, place: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(str(place))
        self._stream = self._socket.makefile("rwb")
        assert self.answer().startswith("220")

    def answer(self) -> str:
        """Give the last line of an answer; empty when the connection is over."""
        try:
            while (line := self._stream.readline().decode())[3:4] == "-":
                pass
        except ConnectionError:
            return ""
        return line.strip()

    def say(self, text: str) -> str:
        """Say something and give the answer."""
        self.send(text)
        return self.answer()

    def send(self, text: str) -> None:
        """Say something; nobody may listen any more."""
        with suppress(ConnectionError):
            self._stream.write(text.encode())
            self._stream.flush()

    def begin(self, sender: str = "f@x") -> str:
        """Begin a message; gives what DATA is answered."""
        self.say(f"MAIL FROM:<{sender}>\r\n")
        self.say("RCPT TO:<ada@x>\r\n")
        return self.say("DATA\r\n")

    def deliver(self, text: str = MAIL, sender: str = "f@x") -> str:
        """Deliver a message; gives the last answer."""
        said = self.begin(sender)
        return self.say(text) if said.startswith("354") else said

    def is_over(self, seconds: float) -> bool:
        """Tell whether the connection ends within a moment; nobody may answer meanwhile."""
        return bool(select.select([self._socket], [], [], seconds)[0])

    def close(self) -> None:
        """Go away."""
        with suppress(ConnectionError):
            self._stream.close()
        self._socket.close()


@pytest.fixture
def server(tmp_path: HostPath) -> Iterator[Server]:
    """Give a server."""
    made = Server(tmp_path / "server")
    yield made
    made.stop()


@contextmanager
def gate(
    folder: HostPath,
    is_known: Callable[[bytes], bool] | None = None,
    on_taken: Callable[[bytes], None] | None = None,
    heading: bytes = b"",
) -> Iterator[tuple[Gate, Path]]:
    """Open a gate to the server."""
    place, target = Path(folder / "gate"), Path(folder / "server")
    uid, gid = os.getuid(), os.getgid()
    with RealMachine().lmtp_gate(
        place, target, uid=uid, gid=gid, is_known=is_known, on_taken=on_taken, heading=heading
    ) as made:
        yield made, place


@contextmanager
def talking(place: Path) -> Iterator[Client]:
    """Connect to a gate."""
    client = Client(place)
    try:
        assert client.say("LHLO me\r\n").startswith("250")
        yield client
    finally:
        client.close()


def test_messages_pass_as_they_are(tmp_path: HostPath, server: Server) -> None:
    """Dots and all, over one connection to the server, which is made for the first."""
    large = "Subject: x\r\n\r\n" + ("y" * 70 + "\r\n") * 20000 + ".\r\n"
    with gate(tmp_path) as (made, place), talking(place) as client:
        assert server.connections == 0
        for text in (MAIL, large, ".\r\n"):
            assert client.deliver(text) == "250 2.0.0 saved"
        assert client.say("QUIT\r\n").startswith("221")
    expected = [text.removesuffix(".\r\n") for text in (MAIL, large, ".\r\n")]
    assert [text for _, text in server.taken] == expected
    assert server.taken[0][0] == "MAIL FROM:<f@x> RCPT TO:<ada@x>"
    assert (made.delivered, made.refusal, server.connections) == (3, "", 1)


@pytest.mark.parametrize(
    ("command", "words"),
    [("MAIL", "451 4.3.0 later"), ("RCPT", "552 5.2.2 full"), ("DATA", "554 no"),
     ("end", "552 5.2.2 full"), ("end", "451 4.3.0 later"), ("end", "nonsense")],
)  # fmt: skip
def test_a_refusal_is_answered_by_nothing(
    tmp_path: HostPath, server: Server, command: str, words: str
) -> None:
    """The connection is closed, the words are kept, and the next message may come."""
    server.says[command] = words
    with gate(tmp_path) as (made, place):
        with talking(place) as client:
            assert client.deliver() == ""
        assert (made.delivered, made.unsure, made.refusal) == (0, 0, words)
        server.says.clear()
        with talking(place) as client:
            assert client.deliver() == "250 2.0.0 saved"
        assert made.delivered == 1


def test_a_server_that_goes_away_leaves_us_unsure(tmp_path: HostPath, server: Server) -> None:
    """It may have the message; one that does not answer at all has not."""
    server.says["end"] = "vanish"
    with gate(tmp_path) as (made, place):
        with talking(place) as client:
            assert client.deliver() == ""
        assert (made.delivered, made.unsure) == (0, 1)
        assert "the connection was lost" in made.refusal
    server.stop()
    with gate(tmp_path) as (made, place):
        with talking(place) as client:
            assert client.deliver() == ""
        assert (made.unsure, "refused" in made.refusal) == (0, True)


def test_the_gate_is_shut_when_a_server_went_away(tmp_path: HostPath, server: Server) -> None:
    """The message may have come: brought again before anybody has looked, it could come twice."""
    server.says["end"] = "vanish"
    with gate(tmp_path) as (made, place):
        with talking(place) as client:
            assert client.deliver() == ""
        server.says.clear()
        assert wait_until(RealMachine(), lambda: not _takes(place), seconds=5)
    assert (made.delivered, made.unsure, server.connections) == (0, 1, 1)


def test_a_sender_nobody_takes_is_left_out(tmp_path: HostPath, server: Server) -> None:
    """Rather than the message."""
    server.says["MAIL FROM:<a..b@x>"] = "501 5.1.7 bad"
    with gate(tmp_path) as (_, place), talking(place) as client:
        assert client.deliver(sender="a..b@x") == "250 2.0.0 saved"
    assert server.taken[0][0] == "MAIL FROM:<> RCPT TO:<ada@x>"


def test_a_client_that_goes_away_delivers_nothing(tmp_path: HostPath, server: Server) -> None:
    """In the middle of a message, which the server is not told to be whole."""
    with gate(tmp_path) as (made, place):
        with talking(place) as client:
            assert client.begin().startswith("354")
            client.send("Subject: hi\r\n\r\nbo")
        assert wait_until(RealMachine(), lambda: made.unsure == 0, seconds=5)
    assert (made.delivered, server.taken) == (0, [])


def test_a_message_that_is_known_is_not_handed_on(tmp_path: HostPath, server: Server) -> None:
    """It is told by its header, however it comes in pieces."""
    asked: list[bytes] = []

    def is_known(head: bytes) -> bool:
        asked.append(head)
        return b"known" in head.partition(b"\r\n\r\n")[0]

    known = "Subject: known\r\n\r\n" + "x\r\n" * 9000 + ".\r\n"
    with gate(tmp_path, is_known) as (made, place), talking(place) as client:
        assert client.deliver(known).startswith("250")
        assert client.deliver() == "250 2.0.0 saved"
        assert client.deliver("no header at all\r\n.\r\n") == "250 2.0.0 saved"
    assert (made.known, made.delivered, len(server.taken)) == (1, 2, 2)
    assert server.taken[0][1] == MAIL.removesuffix(".\r\n")
    assert all(head.startswith((b"Subject", b"no header")) for head in asked)


@pytest.mark.parametrize("is_known", [None, lambda head: b"known" in head])
def test_what_was_taken_is_told_before_it_is_answered(
    tmp_path: HostPath, server: Server, is_known: Callable[[bytes], bool] | None
) -> None:
    """By the whole header; what was refused or known is not told."""
    told: list[tuple[bytes, int]] = []

    def on_taken(head: bytes) -> None:
        told.append((head.partition(b"\r\n\r\n")[0], len(server.taken)))
        server.says["end"] = "552 5.2.2 full"

    with gate(tmp_path, is_known, on_taken) as (made, place), talking(place) as client:
        assert client.begin().startswith("354")
        client.send("Subject: a\r\nX: ")
        assert client.say("b\r\n\r\nbody\r\n.\r\n") == "250 2.0.0 saved"
        assert told == [(b"Subject: a\r\nX: b", 1)]
        assert not is_known or client.deliver("Subject: known\r\n\r\n.\r\n").startswith("250")
        assert client.deliver() == ""
    assert (made.delivered, len(told)) == (1, 1)


def test_what_cannot_be_told_is_the_last_that_is_taken(tmp_path: HostPath, server: Server) -> None:
    """It was delivered and is answered so; nobody comes in after it."""

    def on_taken(_: bytes) -> None:
        raise MachineError("no space left on device")

    with gate(tmp_path, on_taken=on_taken) as (made, place):
        with talking(place) as client:
            assert client.deliver() == "250 2.0.0 saved"
            assert client.deliver() == ""
        assert wait_until(RealMachine(), lambda: not _takes(place), seconds=5)
    assert (made.delivered, made.refusal) == (1, "no space left on device")
    assert len(server.taken) == 1


def test_who_cannot_tell_takes_nothing(tmp_path: HostPath, server: Server) -> None:
    """The words are kept."""

    def is_known(_: bytes) -> bool:
        raise MachineError("nobody knows")

    with gate(tmp_path, is_known) as (made, place), talking(place) as client:
        assert client.deliver() == ""
    assert (made.refusal, made.delivered, server.taken) == ("nobody knows", 0, [])


def test_a_heading_stands_above_each_message(tmp_path: HostPath, server: Server) -> None:
    """Neither who knows messages nor who is told of them sees it."""
    seen: list[bytes] = []

    def is_known(head: bytes) -> bool:
        seen.append(head)
        return False

    with (
        gate(tmp_path, is_known, seen.append, b"X-Came: here") as (made, place),
        talking(place) as client,
    ):
        for _ in range(2):
            assert client.deliver() == "250 2.0.0 saved"
    expected = "X-Came: here\r\n" + MAIL.removesuffix(".\r\n")
    assert [text for _, text in server.taken] == [expected] * 2
    assert (made.delivered, len(seen)) == (2, 4)
    assert all(head.startswith(b"Subject") for head in seen)


def test_after_many_refusals_the_gate_is_shut(tmp_path: HostPath, server: Server) -> None:
    """Or each message that waits would be fetched for nothing."""
    server.says["RCPT"] = "552 5.2.2 full"
    with gate(tmp_path) as (_, place):
        for _ in range(MOST_REFUSALS):
            with talking(place) as client:
                client.deliver()
        assert wait_until(RealMachine(), lambda: not _takes(place), seconds=5)


def test_what_stays_there_keeps_nothing_away(tmp_path: HostPath, server: Server) -> None:
    """It is read to its end and not answered, however often; then the next message comes."""

    def is_known(head: bytes) -> bool:
        if b"marked" in head.partition(b"\r\n\r\n")[0]:
            raise StaysThere("it was here")
        return False

    marked = "Subject: marked\r\n\r\n"
    with gate(tmp_path, is_known) as (made, place):
        for _ in range(MOST_REFUSALS + 5):
            with talking(place) as client:
                assert client.begin().startswith("354")
                client.send(marked)
                assert not client.is_over(0.02)
                assert client.say("x" * 500_000 + "\r\n.\r\n") == ""
        with talking(place) as client:
            assert client.deliver() == "250 2.0.0 saved"
    assert (made.delivered, made.known, made.unsure) == (1, 0, 0)
    assert (made.refusal, len(server.taken)) == ("it was here", 1)


def test_what_stays_there_hides_no_refusal(tmp_path: HostPath, server: Server) -> None:
    """Whichever comes last."""
    server.says["RCPT"] = "552 5.2.2 full"

    def is_known(head: bytes) -> bool:
        if b"marked" in head:
            raise StaysThere("it was here")
        return False

    with gate(tmp_path, is_known) as (made, place):
        for text in ("Subject: marked\r\n\r\n.\r\n", MAIL, "Subject: marked\r\n\r\n.\r\n"):
            with talking(place) as client:
                assert client.deliver(text) == ""
    assert made.refusal == "552 5.2.2 full"


def test_only_the_named_user_comes_in(tmp_path: HostPath, server: Server) -> None:
    """A socket that was left behind is replaced, and it goes with the gate."""
    del server
    for _ in range(2):
        with gate(tmp_path) as (_, place):
            state = HostPath(place).stat()
            assert stat.S_IMODE(state.st_mode) == 0o600
            assert state.st_uid == os.getuid()
        assert not HostPath(place).exists()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    with gate(tmp_path) as (_, place), talking(place):
        pass
    with (
        pytest.raises(MachineError, match="none/x"),
        RealMachine().lmtp_gate(Path("/none/x"), Path("/none/y"), uid=0, gid=0),
    ):
        pass


def _takes(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(place)) == 0
