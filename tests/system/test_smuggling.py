"""One message stays one message: in the mailbox, and at the next server byte by byte.

A server that takes something else than CR LF dot CR LF for the end of a message, or passes it on
to one that does, lets a sender hide a second message in the first (CVE-2023-51764).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.system.raw import Raw
from tests.system.recorder import END, Recorder
from tests.system.sandbox import OFFICE, STRANGER, Sandbox, wait_until

# What some server takes for an end: a dot alone between two of any line ends.
LOOKS_LIKE_AN_END = re.compile(rb"[\r\n]\0*\.\0*[\r\n]")
ENDINGS = [
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\r.\n",
    b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n\0.\0\r\n", b"\r\0\n.\r\n", b"\r\n.\r\0\n",
    b"\n\0.\n", b"\r\r\n.\r\r\n",
]  # fmt: skip
ADA = b"ada@example.org"
FRIEND = b"friend@elsewhere.example"


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    """Give the next server."""
    made = Recorder()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def server(recorder: Recorder) -> Iterator[Sandbox]:
    """Give a server whose outside is the recorder, and that relays for an object."""
    sandbox = Sandbox.make(outside=recorder.route)
    try:
        sandbox.furnish()
        yield sandbox
    finally:
        sandbox.destroy()


def smuggle(server: Sandbox, ending: bytes, recipient: bytes, source: str) -> tuple[str, str]:
    """Hide a message behind an ending; gives the subjects of the outer and the hidden one."""
    outer, hidden = f"outer-{uuid4().hex}", f"hidden-{uuid4().hex}"
    inner = b"MAIL FROM:<boss@elsewhere.example>\r\nRCPT TO:<%b>\r\nDATA\r\nSubject: %b\r\n\r\nx"
    with Raw.to(server, 25, source) as client:
        client.reply()
        client.ask(b"EHLO client.example")
        client.ask(b"MAIL FROM:<a@elsewhere.example>")
        assert client.ask(b"RCPT TO:<" + recipient + b">")[:3] == b"250"
        assert client.ask(b"DATA")[:3] == b"354"
        client.send(b"Subject: " + outer.encode() + b"\r\n\r\nfirst" + ending)
        client.send(inner % (recipient, hidden.encode()) + END)
        client.send(b"QUIT\r\n")
        while client.line():
            pass
    return outer, hidden


def send_plainly(server: Sandbox, recipient: bytes) -> str:
    """Send a message that comes after all others."""
    subject = f"last-{uuid4().hex}"
    with server.smtp(source=OFFICE) as client:
        client.sendmail("a@elsewhere.example", recipient.decode(), f"Subject: {subject}\r\n\r\nx")
    return subject


def test_a_mailbox_gets_no_hidden_message(server: Sandbox) -> None:
    """Each ending makes one message or is refused."""
    pairs = [smuggle(server, ending, ADA, STRANGER) for ending in ENDINGS]
    last = send_plainly(server, ADA)
    wait_until(lambda: last in server.subjects("ada@example.org"))
    settle(server)
    found = server.subjects("ada@example.org")
    assert [hidden for _, hidden in pairs if hidden in found] == []
    assert [found.count(outer) for outer, _ in pairs] == [1] * len(ENDINGS)


def test_the_next_server_is_sent_one_message_with_one_ending(
    server: Sandbox, recorder: Recorder
) -> None:
    """Whatever it takes for an end: no dot stands alone but the last."""
    outers = [smuggle(server, ending, FRIEND, OFFICE)[0].encode() for ending in ENDINGS]
    wait_until(lambda: all(any(o in sent for sent in recorder.messages) for o in outers))
    settle(server)
    bodies = [content.removesuffix(END) for content in recorder.messages]
    assert [sum(outer in body for body in bodies) for outer in outers] == [1] * len(ENDINGS)
    assert [body for body in bodies if LOOKS_LIKE_AN_END.search(body)] == []


def test_bdat_is_neither_offered_nor_taken(server: Sandbox) -> None:
    """RFC 3030: a second way to end a message, which proxies in between may not know."""
    for chunk in (b"BDAT 3 LAST\r\nx\r\n", b"BDAT 0 LAST\r\n", b"BDAT 4\r\nx\r\n.BDAT 0 LAST\r\n"):
        with Raw.to(server, 25) as client:
            client.reply()
            client.send(b"EHLO client.example\r\n")
            while (line := client.line())[3:4] == b"-":
                assert b"CHUNKING" not in line
            client.ask(b"MAIL FROM:<a@elsewhere.example>")
            client.ask(b"RCPT TO:<ada@example.org>")
            assert client.ask(chunk.removesuffix(b"\r\n"))[:1] in (b"5", b"")


def test_commands_sent_along_with_the_text_are_not_obeyed(server: Sandbox) -> None:
    """A client without ESMTP pipelining that sends ahead is refused or cut off."""
    hidden = f"hidden-{uuid4().hex}"
    with Raw.to(server, 25) as client:
        client.send(
            b"EHLO client.example\r\nMAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<ada@example.org>"
            b"\r\nDATA\r\nSubject: " + hidden.encode() + b"\r\n\r\nx\r\n.\r\nQUIT\r\n"
        )
        while client.line():
            pass
    last = send_plainly(server, ADA)
    wait_until(lambda: last in server.subjects("ada@example.org"))
    assert hidden not in server.subjects("ada@example.org")


def settle(server: Sandbox) -> None:
    """Wait until the queue is empty."""
    queue = server.path("/var/spool/postfix")
    folders = [queue / name for name in ("maildrop", "incoming", "active", "deferred")]
    wait_until(lambda: not any(path.is_file() for f in folders for path in f.rglob("*")))
