"""Handing mail to another server, against small servers that do not do what is hoped for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from mailstead.machine.conversation import Submission, SubmissionStep
from mailstead.machine.submission import submit


@contextmanager
def server(ehlo: str, auth: str) -> Iterator[int]:
    """Give the port of a server that answers EHLO and AUTH so, and 250 to the rest."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        says = {"EHLO": ehlo, "AUTH": auth, "QUIT": "221 bye"}

        def serve() -> None:
            with suppress(OSError):
                client, _ = listener.accept()
                with client, client.makefile("rwb") as stream:
                    stream.write(b"220 hello\r\n")
                    stream.flush()
                    for line in stream:
                        verb = line[:4].decode("latin-1").upper()  # TLS sends no text
                        stream.write(f"{says.get(verb, '250 ok')}\r\n".encode())
                        stream.flush()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def last_step(port: int, *, tls: str = "none", host: str = "127.0.0.1") -> SubmissionStep:
    """Log in, and give the step that it ended with."""
    wanted = Submission(
        host, port, tls, "/etc/ssl/certs/ca-certificates.crt", "client.example", user="ada",
        password="secret", clear_password=True,
    )  # fmt: skip
    return submit(wanted, timeout=5)[-1]


@pytest.mark.parametrize(
    ("ehlo", "auth", "said"),
    [
        ("250 mail", "250 2.0.0 Ok", "it offers no login here (AUTH)"),
        ("250-mail\r\n250 AUTH GSSAPI", "250 2.0.0 Ok", "it offers no login we know: GSSAPI"),
        ("250-mail\r\n250 AUTH PLAIN", "250 2.0.0 Ok", "it takes no logins: it answered AUTH"),
        ("250-mail\r\n250 AUTH PLAIN", "535 5.7.8 no", "535 5.7.8 no"),
    ],
)
def test_a_server_that_takes_no_login_is_told_in_plain_words(
    ehlo: str, auth: str, said: str
) -> None:
    """A success that is none is not shown as the answer of a step that failed."""
    with server(ehlo, auth) as port:
        step = last_step(port)
    assert (step.title, step.is_done) == ("log in", False)
    assert step.said.startswith(said)


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_a_connection_that_is_refused_is_told_with_the_place(tls: str) -> None:
    """And what to look at; no number of the system's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    step = last_step(port, tls=tls)
    assert step.said.startswith(f"127.0.0.1:{port}: connection refused: nothing listens there")


def test_an_ipv6_address_is_told_in_brackets() -> None:
    """As it is written in the setting."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
    assert last_step(port, host="::1").said.startswith(f"[::1]:{port}: connection refused")


def test_a_port_without_implicit_tls_is_told() -> None:
    """Not by the library's name for it."""
    with server("250 mail", "") as port:
        step = last_step(port, tls="implicit")
    assert step.said.startswith(f"127.0.0.1:{port}: it does not begin with TLS")
