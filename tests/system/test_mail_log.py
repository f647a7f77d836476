"""The mail log while a real server writes it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.system.conftest import Site, new_site
from tests.system.sandbox import PASSWORD, message, wait_until

ADA, GRACE, FRIEND = "ada@example.org", "grace@example.org", "friend@elsewhere.example"


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site with the mail log."""
    with new_site() as made:
        made.sandbox.run("settings", "set", "mail_smtp.options", "message_size=100K")
        made.sandbox.run("enable", "mail_log", "--yes")
        made.sandbox.run("save")
        yield made


def log(place: Site, *words: str) -> list[dict[str, Any]]:
    """Give what a command of the log lists."""
    found: list[dict[str, Any]] = place.sandbox.json("log", *words)
    return found


def attempt(place: Site, sender: str, recipient: str, size: int = 1) -> None:
    """Send as a stranger, and take a refusal as it is."""
    text = message(sender, recipient, uuid4().hex)
    text.set_content(("x" * 70 + "\n") * size)
    with place.sandbox.smtp() as client:
        try:
            client.send_message(text)
        except smtplib.SMTPException:
            client.rset()


def daemon(place: Site) -> str:
    """Give the process id of the program that reads the logs."""
    return place.sandbox.path("/run/mailstead/mail-log.pid").read_text().strip()


def test_what_strangers_are_told_is_in_the_table(place: Site) -> None:
    """Each with its class, and answered for at once."""
    attempt(place, FRIEND, ADA)
    attempt(place, FRIEND, "nobody@example.org")
    attempt(place, FRIEND, "x@elsewhere.example")
    attempt(place, FRIEND, ADA, size=3000)
    wait_until(lambda: bool(log(place, "search", "--status", "sent", "--recipient", ADA)))
    found = {(row["recipient"], row["event"], row["kind"]) for row in log(place, "search")}
    assert {
        (ADA, "msgsent", "received"),
        ("nobody@example.org", "noaccount", "received"),
        ("x@elsewhere.example", "norelay", "relay"),
        ("", "maxmsgsize", "unknown"),
    } <= found


def test_mail_by_another_name_is_found_by_it(place: Site) -> None:
    """An alias of the domain; people are shown it where it differs, programs always."""
    run = place.sandbox.run
    run("domain", "alias", "add", "example.net", "example.org")
    run("save")
    attempt(place, FRIEND, "grace@example.net")
    asked = ("search", "--recipient", "grace@example.net")
    wait_until(lambda: len(log(place, *asked)) == 1)
    (row,) = log(place, *asked)
    assert (row["recipient"], row["written_to"]) == (GRACE, "grace@example.net")
    assert {row["written_to"] for row in log(place, "search", "--recipient", ADA)} == {ADA}
    shown = run("log", "search").stdout
    assert re.search(f" {GRACE} +grace@example.net ", shown)
    assert re.search(f" {ADA} +- ", shown)


def test_sent_and_internal_mail_and_who_sent_most(place: Site) -> None:
    """By authenticated users."""
    with place.sandbox.smtp(465) as client:
        client.login(ADA, PASSWORD)
        client.send_message(message(ADA, FRIEND, "out"))
        client.send_message(message(ADA, GRACE, "in"))
    wait_until(lambda: len(log(place, "search", "--sender", ADA, "--status", "sent")) == 2)
    kinds = {row["kind"] for row in log(place, "search", "--sender", ADA)}
    assert kinds == {"sent", "internal"}
    assert log(place, "top", "senders")[0]["address"] == ADA
    today = log(place, "days")[0]
    assert (today["sent"], today["internal"]) == (1, 1)


def test_mail_without_a_sender_is_found(place: Site) -> None:
    """As SMTP writes it, or by nothing."""
    with place.sandbox.smtp() as client:
        client.sendmail("", GRACE, b"Subject: a bounce\r\n\r\n")
    wait_until(lambda: len(log(place, "search", "--sender", "<>")) == 1)
    assert log(place, "search", "--sender", "") == log(place, "search", "--sender", "<>")


def test_a_message_is_followed_from_client_to_mailbox(place: Site) -> None:
    """By its Message-ID."""
    text = message(FRIEND, ADA, "followed")
    text["Message-ID"] = "<followed@client.example>"
    with place.sandbox.smtp() as client:
        client.send_message(text)
    wait_until(lambda: "followed" in place.sandbox.subjects(ADA))
    steps = log(place, "show", "<followed@client.example>")
    assert "client=unknown[127.0.0.88]" in steps[0]["what"]
    assert any("status=sent" in step["what"] for step in steps)
    place.sandbox.run("log", "show", "no-such-message", status=2)


def test_wrong_logins_are_counted_on_each_protocol(place: Site) -> None:
    """Once each, by client and by account; right ones are not."""
    assert place.sandbox.taken_logins(GRACE, "wrong") == []
    assert place.sandbox.taken_logins(GRACE) == ["smtp", "imap", "pop3"]
    counts = {row["account"]: row["attempts"] for row in log(place, "logins", "--by", "account")}
    # smtplib tries two mechanisms, each a login.
    assert counts == {GRACE: 4}


def test_a_killed_reader_and_a_rotation_lose_and_double_nothing(place: Site) -> None:
    """Counted against what was delivered."""
    path = place.sandbox.path("/var/log/mail.log")
    before = len(log(place, "search", "--limit", "9999"))
    first = daemon(place)
    Path("/proc", first, "comm").read_text()
    for number in range(3):
        attempt(place, FRIEND, GRACE)
        if number == 0:
            kill(first)
        if number == 1:
            path.with_name("mail.log.1").write_bytes(path.read_bytes())
            path.write_bytes(b"")
    wait_until(lambda: len(log(place, "search", "--limit", "9999")) == before + 3)
    place.sandbox.run("start")
    assert daemon(place) != first
    assert len(log(place, "search", "--limit", "9999")) == before + 3


def kill(pid: str) -> None:
    """Kill a process that this test started."""
    os.kill(int(pid), signal.SIGKILL)


def test_the_tail_is_the_latest_at_the_end(place: Site) -> None:
    """As tail(1)."""
    attempt(place, FRIEND, "the.last@example.org")
    assert log(place, "tail", "-n", "1")[0]["recipient"] == "the.last@example.org"


def test_a_message_half_in_the_queue_does_not_keep_postfix_from_starting(place: Site) -> None:
    """postsuper(1), which is Postfix's user by then, says so in the log while nobody runs."""
    place.sandbox.run("stop", "mail_smtp", "--yes")
    half = place.sandbox.path("/var/spool/postfix/incoming/433506.32157")
    half.write_bytes(b"")
    shutil.chown(half, "postfix", "postfix")
    half.chmod(0o600)
    place.sandbox.run("start")
    assert "bogus file name: incoming/433506" in place.sandbox.path("/var/log/mail.log").read_text()
