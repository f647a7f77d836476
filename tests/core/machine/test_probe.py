"""Probes against small real servers on the loopback."""

from __future__ import annotations

import datetime
import os
import pathlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailstead.errors import ProbeFailed
from mailstead.machine.conversation import Conversation, Say
from mailstead.machine.real import RealMachine

Script = dict[bytes, bytes]
GREETING = b""
SMTP: Script = {
    GREETING: b"220-hello\r\n220 mail ESMTP\r\n",
    b"EHLO me": b"250-mail\r\n250-SIZE\r\n250 STARTTLS\r\n",
    b"STARTTLS": b"220 go\r\n",
}
IMAP: Script = {
    GREETING: b"* OK ready\r\n",
    b"a LOGIN joe secret": b"* CAPABILITY IMAP4rev1\r\na OK done\r\n",
    b"b LOGIN joe secret": b"b NO wrong\r\n",
}


class Server:
    """A server that answers each line by its script, one connection after the other."""

    def __init__(self, listener: socket.socket, script: Script, tls: ssl.SSLContext | None) -> None:
        self.listener = listener
        self.script = script
        self.tls = tls
        self.implicit = False
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self) -> None:
        """Serve until the listener is shut down."""
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            peer.settimeout(5)
            try:
                self.talk(peer)
            except OSError:
                peer.close()

    def talk(self, peer: socket.socket) -> None:
        """Hold one conversation."""
        if self.implicit and self.tls:
            peer = self.tls.wrap_socket(peer, server_side=True)
        peer.sendall(self.script[GREETING])
        while line := peer.recv(4096).strip():
            if line not in self.script:
                break
            peer.sendall(self.script[line])
            if line == b"STARTTLS" and self.tls:
                peer = self.tls.wrap_socket(peer, server_side=True)
        peer.close()


@contextmanager
def serving(
    script: Script,
    *,
    tls: ssl.SSLContext | None = None,
    implicit: bool = False,
    path: str = "",
) -> Iterator[int]:
    """Run a server; gives its port."""
    listener = socket.socket(socket.AF_UNIX) if path else socket.socket()
    listener.bind(path or ("127.0.0.1", 0))
    listener.listen()
    server = Server(listener, script, tls)
    server.implicit = implicit
    server.thread.start()
    try:
        yield 0 if path else listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        server.thread.join(5)
        listener.close()


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Give a server's TLS with a certificate nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody.example")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(encoding, form, serialization.NoEncryption())
    file.write_bytes(certificate.public_bytes(encoding) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def say(port: int, *turns: tuple[str | None, str], tls: bool = False) -> Conversation:
    """Make a conversation."""
    return Conversation(tuple(Say(*turn) for turn in turns), "127.0.0.1", port, tls=tls)


def test_multi_line_replies_are_read_to_their_end(real: RealMachine) -> None:
    """SMTP's greeting and EHLO have several lines."""
    with serving(SMTP) as port:
        real.converse(say(port, (None, "220 mail"), ("EHLO me", "250 STARTTLS")))


def test_starttls_goes_on_encrypted(real: RealMachine, tls: ssl.SSLContext) -> None:
    """The turn after is said in TLS, whoever signed the certificate."""
    turns = ((None, "220"), ("STARTTLS", "220"), ("EHLO me", "250 "))
    with serving(SMTP, tls=tls) as port:
        real.converse(say(port, *turns))


def test_text_smuggled_before_tls_is_refused(real: RealMachine, tls: ssl.SSLContext) -> None:
    """What came in the clear is not taken for what came encrypted."""
    script = {**SMTP, b"STARTTLS": b"220 go\r\n250 forged\r\n"}
    with serving(script, tls=tls) as port, pytest.raises(ProbeFailed, match="in the clear"):
        real.converse(say(port, (None, "220"), ("STARTTLS", "220"), ("EHLO me", "250 ")))


def test_implicit_tls_and_tagged_replies(real: RealMachine, tls: ssl.SSLContext) -> None:
    """IMAP's untagged lines are passed over."""
    with serving(IMAP, tls=tls, implicit=True) as port:
        real.converse(say(port, (None, "* OK"), ("a LOGIN joe secret", "a OK"), tls=True))


def test_a_unix_socket_answers(real: RealMachine, tmp_path: pathlib.Path) -> None:
    """LMTP is spoken over one."""
    path = str(tmp_path / "s")
    with serving(SMTP, path=path):
        real.converse(Conversation((Say(None, "220 "), Say("EHLO me", "250 ")), socket=path))


def test_a_wrong_reply_is_told_without_secrets(real: RealMachine) -> None:
    """The turn, what was expected and what came; never the password."""
    with serving(IMAP) as port, pytest.raises(ProbeFailed) as caught:
        real.converse(say(port, (None, "* OK"), ("b LOGIN joe secret", "b OK")))
    expected = f"127.0.0.1:{port}: turn 2 (b LOGIN ...): expected 'b OK', got 'b NO wrong'"
    assert expected == str(caught.value)


def test_plain_text_where_tls_is_expected_fails(real: RealMachine) -> None:
    """It is told as a failure to connect."""
    with serving(SMTP) as port, pytest.raises(ProbeFailed, match="connecting: no connection"):
        real.converse(say(port, (None, "220"), tls=True))


def test_silence_ends_at_the_deadline(real: RealMachine) -> None:
    """A server that says nothing is no server."""
    told = r"turn 1 \(greeting\).*nothing came in time"
    server = serving({GREETING: b"220 half a line"})
    with server as port, pytest.raises(ProbeFailed, match=told):
        real.converse(say(port, (None, "220")), timeout=0.2)


def test_a_closed_connection_and_a_closed_port_differ(real: RealMachine) -> None:
    """Each has words of its own."""
    with serving(SMTP) as port, pytest.raises(ProbeFailed, match="the connection was closed"):
        real.converse(say(port, (None, "220"), ("UNKNOWN", "250")))
    with pytest.raises(ProbeFailed, match="connection refused"):
        real.converse(say(port, (None, "220")))


@pytest.mark.parametrize("reply", [b"x" * 20000 + b"\r\n", b"250-on\r\n" * 2000])
def test_a_flood_is_not_read_for_ever(real: RealMachine, reply: bytes) -> None:
    """Lines and their number are limited."""
    with serving({GREETING: reply}) as port, pytest.raises(ProbeFailed, match="more than"):
        real.converse(say(port, (None, "220")))


def test_our_socket_is_among_the_listeners(real: RealMachine) -> None:
    """A listener names its process."""
    find: Callable[[int], list[int | None]] = lambda port: [  # noqa: E731
        item.pid for item in real.listeners() if item.port == port
    ]
    with serving(SMTP) as port:
        assert [os.getpid()] == find(port)
    assert find(port) == []
