"""A full mailbox: refused while the sender is connected, told by IMAP, mended at once."""

from __future__ import annotations

import smtplib
import subprocess
from collections.abc import Iterator

import pytest

from tests.system.conftest import Site, new_site
from tests.system.sandbox import message, wait_until

ADA, GRACE = "ada@example.org", "grace@example.org"
FRIEND = "friend@elsewhere.example"
BULK = 60_000  # bytes of one message


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site in which each mailbox may hold 100 KiB."""
    with new_site() as made:
        made.sandbox.run("settings", "set", "mail_retrieval.mailboxes", "size=100K")
        made.sandbox.run("settings", "set", "mail_smtp.options", "message_size=70K")
        made.sandbox.run("save")
        yield made


def newcomer(place: Site, name: str, quota: str) -> str:
    """Add a user; gives the address of an empty mailbox that may hold so much."""
    place.sandbox.add_user(name)
    address = f"{name}@example.org"
    place.sandbox.run("account", "quota", address, quota)
    return address


def send_bulk(place: Site, recipient: str, subject: str) -> str:
    """Send a large message; gives what it was refused with, or nothing."""
    text = message(FRIEND, recipient, subject)
    text.set_content("x" * 70 + "\n" * 1 + ("x" * 70 + "\n") * (BULK // 71))
    try:
        with place.sandbox.smtp() as client:
            client.send_message(text)
    except smtplib.SMTPRecipientsRefused as error:
        code, words = error.recipients[recipient]
        return f"{code} {words.decode()}"
    return ""


def limit_of(place: Site, login: str) -> str:
    """Give what IMAP tells of a quota: RFC 2087."""
    with place.sandbox.imap(login) as client:
        _, found = client.getquotaroot("INBOX")
        return str(found[1])


def test_an_overfull_mailbox_is_refused_and_a_larger_quota_counts_at_once(place: Site) -> None:
    """552 5.2.2 at the door; nothing is reloaded in between."""
    assert send_bulk(place, ADA, "first") == ""
    wait_until(lambda: "first" in place.sandbox.subjects(ADA))
    refused = send_bulk(place, ADA, "second")
    assert refused.startswith("552 5.2.2")
    assert place.sandbox.json("usage", ADA)["limit"] == 100 << 10
    assert "STORAGE" in limit_of(place, ADA)
    place.sandbox.run("account", "quota", ADA, "1M")
    assert send_bulk(place, ADA, "third") == ""
    wait_until(lambda: "third" in place.sandbox.subjects(ADA))
    assert " 1024)" in limit_of(place, ADA)
    assert place.sandbox.json("account", "show", ADA)["quota"] == "1M"


def test_behind_an_alias_the_sender_is_told_by_a_bounce(place: Site) -> None:
    """Whoever hides behind it is not asked about at the door."""
    run = place.sandbox.run
    gina = newcomer(place, "gina", "default")
    run("group", "add", "all")
    run("group", "add-member", "all", "gina")
    run("alias", "add", "all@example.org", "--group", "all")
    assert send_bulk(place, gina, "fills") == ""
    wait_until(lambda: "fills" in place.sandbox.subjects(gina))
    assert send_bulk(place, "all@example.org", "too much") == ""
    wait_until(lambda: any("the mailbox is full" in it for it in place.outside.messages()))
    assert "too much" not in place.sandbox.subjects(gina)


def test_unlimited_is_without_limit(place: Site) -> None:
    """And default is the common one again."""
    place.sandbox.run("account", "quota", GRACE, "unlimited")
    assert place.sandbox.json("usage", GRACE)["limit"] is None
    assert send_bulk(place, GRACE, "welcome") == ""
    place.sandbox.run("account", "quota", GRACE, "default")
    assert place.sandbox.json("usage", GRACE)["limit"] == 100 << 10


@pytest.mark.parametrize(
    "size", ["0", "1", "-1", "1k OR 1=1", "1e309", " 10", "9223372036854775808"]
)
def test_what_is_no_quota_is_named(place: Site, size: str) -> None:
    """With the field, for an account and for all."""
    account = place.sandbox.run("account", "quota", "--", ADA, size, status=2)
    assert "account.quota" in account.stderr
    words = ("settings", "set", "mail_retrieval.mailboxes", f"size={size}")
    assert "mail_retrieval.mailboxes.size" in place.sandbox.run(*words, status=2).stderr


def knows_room(place: Site, address: str) -> bool:
    """Tell whether Postfix finds that it need not ask about a mailbox."""
    path = place.sandbox.path("etc/postfix/sqlite/room.cf")
    done = subprocess.run(
        ["postmap", "-q", address, f"sqlite:{path}"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip() == "OK"


def test_postfix_does_not_ask_about_a_mailbox_that_has_room(place: Site) -> None:
    """From when it is found out until it is half full, or its limit changes."""
    bob = newcomer(place, "bob", "1G")
    assert not knows_room(place, bob)
    place.sandbox.run("room", "find")
    assert knows_room(place, bob)
    place.sandbox.run("account", "quota", bob, "900M")
    assert not knows_room(place, bob)


def test_a_mailbox_that_could_not_be_looked_at_is_told_of(place: Site) -> None:
    """Also where the job is quiet; it goes on being asked about."""
    run = place.sandbox.run
    carl = newcomer(place, "carl", "1G")
    run("stop", "mail_retrieval", "--yes")
    try:
        told = run("room", "find", "--quiet", status=1).stderr
    finally:
        run("start", "mail_retrieval")
    assert "mailboxes could not be looked at" in told
    assert "mail_retrieval must be enabled, saved and running" in told
    assert not knows_room(place, carl)


def test_it_asks_again_once_dovecot_tells_that_a_mailbox_fills(place: Site) -> None:
    """So that the message too many is refused at the door."""
    run = place.sandbox.run
    dora = newcomer(place, "dora", "150K")
    run("room", "find")
    assert knows_room(place, dora)
    assert send_bulk(place, dora, "half") == ""
    assert send_bulk(place, dora, "and more") == ""
    wait_until(lambda: not knows_room(place, dora))
    assert send_bulk(place, dora, "too much").startswith("552 5.2.2")


def test_what_was_found_out_under_other_settings_does_not_count(place: Site) -> None:
    """A smaller mailbox or a larger message may not fit."""
    emil = newcomer(place, "emil", "10M")
    place.sandbox.run("room", "find")
    assert knows_room(place, emil)
    for size in ("90K", "100K"):
        place.sandbox.run("settings", "set", "mail_retrieval.mailboxes", f"size={size}")
        place.sandbox.run("save")
        assert knows_room(place, emil) is (size == "100K")


def test_a_mailbox_that_is_closed_is_refused_from_then_on(place: Site) -> None:
    """Although it was known to have room; open again, it takes mail."""
    run = place.sandbox.run
    fred = newcomer(place, "fred", "10M")
    run("room", "find")
    assert knows_room(place, fred)
    assert send_bulk(place, fred, "open") == ""
    run("account", "suspend", fred, "--refuse-mail")
    assert send_bulk(place, fred, "closed").startswith("550 5.2.1")
    run("room", "find")
    assert send_bulk(place, fred, "closed still").startswith("550 5.2.1")
    run("account", "resume", fred)
    assert send_bulk(place, fred, "open again") == ""
