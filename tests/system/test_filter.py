"""Mail passes through a filter of the admin's own, once, and comes back from it alone."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.conftest import Site, new_site
from tests.system.raw import Raw
from tests.system.sandbox import PASSWORD, STRANGER, message, wait_until
from tests.system.watch import refusal_of

SCRIPT = str(Path(__file__).with_name("header_filter.py"))
FILTER = "127.0.0.66"
PORT = 20024
FRIEND, ADA = "friend@elsewhere.example", "ada@example.org"


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site whose mail goes through the filter, which is not started."""
    with new_site() as made:
        run = made.sandbox.run
        run("domain", "add", "copied.example", "--catch-all", "grace@example.org")
        run("settings", "set", "mail_smtp.filter", "use=custom", f"address={FILTER}",
            f"port={PORT}", f"return_port={made.sandbox.port(20)}")  # fmt: skip
        run("save")
        made.sandbox.add_user("carl")
        run("account", "delete", "carl@example.org", "--yes", status=2)
        run("account", "add", "carl", "carl@copied.example")
        yield made


@contextmanager
def filtering(place: Site) -> Iterator[None]:
    """Let the filter run."""
    back = str(place.sandbox.port(20))
    argv = [sys.executable, "-W", "ignore", SCRIPT, FILTER, str(PORT), place.sandbox.address, back]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    try:
        wait_until(is_up)
        yield
    finally:
        process.terminate()
        process.wait()


def is_up() -> bool:
    """Tell whether the filter takes connections."""
    with socket.socket() as client:
        return client.connect_ex((FILTER, PORT)) == 0


def text_of(place: Site, login: str, subject: str) -> str:
    """Give the message with a subject, or nothing."""
    with place.sandbox.imap(login) as client:
        client.select("INBOX", readonly=True)
        _, found = client.search(None, "SUBJECT", subject)
        if not found[0]:
            return ""
        _, parts = client.fetch(found[0].split()[0].decode(), "(BODY[])")
        assert isinstance(parts[0], tuple)
        return parts[0][1].decode()


def send(place: Site, recipients: list[str], subject: str) -> None:
    """Send as a stranger."""
    with place.sandbox.smtp() as client:
        client.send_message(message(FRIEND, recipients[0], subject), FRIEND, recipients)


def test_mail_waits_for_a_filter_that_is_down_and_then_passes_once(place: Site) -> None:
    """Received, sent, and copied by a catch-all; each filtered once and delivered once."""
    send(place, [ADA], "waiting")
    queue = place.sandbox.path("/var/spool/postfix/deferred")
    wait_until(lambda: any(path.is_file() for path in queue.rglob("*")))
    assert "waiting" not in place.sandbox.subjects(ADA)
    with filtering(place):
        subprocess.run(
            ["postqueue", "-c", str(place.sandbox.path("/etc/postfix")), "-f"], check=True
        )
        wait_until(lambda: "waiting" in place.sandbox.subjects(ADA))
        assert text_of(place, ADA, "waiting").count("X-Filtered: yes") == 1
        send(place, ["carl@copied.example"], "copied")
        wait_until(lambda: "copied" in place.sandbox.subjects("grace@example.org"))
        with place.sandbox.smtp(465) as client:
            client.login(ADA, PASSWORD)
            client.send_message(message(ADA, FRIEND, "outward"))
        with place.sandbox.smtp(465) as client:
            client.login("carl@copied.example", PASSWORD)
            client.send_message(message("carl@copied.example", FRIEND, "copied-too"))
        wait_until(lambda: any("Subject: outward" in it for it in place.outside.messages()))
        wait_until(lambda: "copied-too" in place.sandbox.subjects("grace@example.org"))
    sent = next(it for it in place.outside.messages() if "Subject: outward" in it)
    assert sent.count("X-Filtered: yes") == 1
    assert place.sandbox.subjects("grace@example.org").count("copied") == 1
    assert place.sandbox.subjects("carl@copied.example").count("copied") == 1
    for subject in ("copied", "copied-too"):
        text = text_of(place, "grace@example.org", subject)
        assert text.count("X-Filtered: yes") == 1


@pytest.mark.parametrize("recipient", [FRIEND, ADA])
def test_mail_comes_back_from_the_filter_alone(place: Site, recipient: str) -> None:
    """A stranger at that port gets nothing through, not even to an address here."""
    with Raw.to(place.sandbox, 20, STRANGER) as client:
        client.reply()
        client.ask(b"EHLO client.example")
        client.ask(f"MAIL FROM:<{FRIEND}>".encode())
        assert client.ask(f"RCPT TO:<{recipient}>".encode())[:3] == b"554"


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("use=spamassassin",), "mail_smtp.filter.use"),
        (("return_port=20024",), "mail_smtp.filter.return_port"),
        (("port=10024 -o smtpd_x=y",), "mail_smtp.filter.port"),
        (("port=99999",), "mail_smtp.filter.port"),
        (("port=-1",), "mail_smtp.filter.port"),
        (("address=127.0.0.1 evil",), "mail_smtp.filter.address"),
        (("address=evil.example",), "mail_smtp.filter.address"),
    ],
)
def test_a_wrong_filter_is_named(place: Site, words: tuple[str, ...], field: str) -> None:
    """At once or by the plan; nothing is saved."""
    main_cf = place.sandbox.path("/etc/postfix/main.cf").read_bytes()
    assert field in refusal_of(place.sandbox, "settings", "set", "mail_smtp.filter", *words)
    assert place.sandbox.path("/etc/postfix/main.cf").read_bytes() == main_cf


def test_mail_that_waits_for_a_filter_that_is_left_is_told_of_and_goes_on(place: Site) -> None:
    """By the plan, by the save, and by the list of the queue; a requeue lets it pass."""
    run = place.sandbox.run
    send(place, [ADA], "stranded")
    wait_until(lambda: "refused" in str(place.sandbox.json("queue", "list")))
    run("settings", "set", "mail_smtp.filter", "use=none")
    assert f"mail filter at {FILTER}:{PORT}" in run("plan").stdout
    assert "mailstead queue requeue" in run("save").stdout
    run("queue", "flush")
    wait_until(lambda: "transport unavailable" in str(place.sandbox.json("queue", "list")))
    reason = "mail transport unavailable"
    assert f"queue requeue --reason '{reason}'" in run("queue", "list").stderr
    run("queue", "requeue", "--reason", reason, "--yes")
    run("queue", "flush")
    wait_until(lambda: "stranded" in place.sandbox.subjects(ADA))
