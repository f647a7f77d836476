"""No kind of address that this server knows opens a relay, nor lets a user send as another."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator

import pytest

from tests.system.conftest import Site, new_site
from tests.system.sandbox import PASSWORD, STRANGER
from tests.system.test_no_open_relay import SENDERS, relayed

ADA, GRACE = "ada@example.org", "grace@example.org"
FRIEND = "friend@elsewhere.example"
LOCAL_PARTS = (
    "user%elsewhere.example", '"user@elsewhere.example"', "elsewhere.example!user",
    "moved%elsewhere.example", "info%elsewhere.example", "info!user",
    "staff%elsewhere.example", "user@elsewhere.example",
)  # fmt: skip
DOMAINS = ("example.org", "alias.example", "collected.example")


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site with every kind of address."""
    with new_site() as made:
        run = made.sandbox.run
        run("domain", "add", "collected.example")
        run("domain", "alias", "add", "alias.example", "example.org")
        run("save")
        run("settings", "set", "mail_smtp.user_template", "mail_account=no")
        run("save")
        made.sandbox.add_user("carl")
        run("account", "add", "carl", "carl@collected.example")
        run("domain", "set", "collected.example", "--default-mailbox", "carl@collected.example")
        run("save")
        run("alias", "add", "info@example.org", "--account", ADA)
        run("alias", "add", "boss@example.org", "--account", GRACE)
        run("alias", "add", "moved@example.org", "--external", "moved@elsewhere.example")
        run("group", "add", "staff")
        run("group", "add-member", "staff", "ada")
        run("alias", "add", "staff@example.org", "--group", "staff")
        yield made


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_stranger_relays_by_no_local_part(place: Site, domain: str) -> None:
    """At a domain, at an alias of one, and where each unknown address has a mailbox."""
    answers = [
        relayed(place.sandbox, sender, f"<{local}@{domain}>", STRANGER)
        for local in LOCAL_PARTS
        for sender in SENDERS
    ]
    assert [answer for answer in answers if answer] == []


@pytest.mark.parametrize("domain", ["sub.example.org", "example.org.elsewhere.example", "org"])
def test_no_neighbour_of_a_domain_is_taken_for_it(place: Site, domain: str) -> None:
    """Neither a subdomain nor a parent nor what begins with it."""
    for sender in SENDERS:
        assert relayed(place.sandbox, sender, f"<ada@{domain}>", STRANGER) == ""


@pytest.mark.parametrize(
    ("sender", "is_theirs"),
    [
        (ADA, True),
        ("info@example.org", True),
        ("ada@alias.example", True),
        ("info@alias.example", True),
        (GRACE, False),
        ("grace@alias.example", False),
        ("boss@example.org", False),
        ("boss@alias.example", False),
        ("moved@example.org", False),
        ("carl@collected.example", False),
        ("anybody@collected.example", False),
        ("postmaster@example.org", False),
        ("root@mail.example.org", False),
        (FRIEND, False),
        ("", True),
    ],
)
def test_a_user_sends_as_nobody_else(place: Site, sender: str, is_theirs: bool) -> None:
    """Their account, its aliases, both at aliases of the domain: nothing else, on 465 and 587.

    Read receipts and bounces have no sender, and are sent by users too: RFC 8098 section 3.
    """
    for port in (465, 587):
        with place.sandbox.smtp(port) as client:
            if port == 587:
                client.starttls()
            client.login(ADA, PASSWORD)
            client.ehlo()
            first = client.mail(sender)[0]
            taken = first == 250 and client.rcpt(FRIEND)[0] == 250
            assert taken == is_theirs


@pytest.mark.parametrize("login", ["info@example.org", "moved@example.org", "staff@example.org"])
def test_no_alias_logs_in_to_relay(place: Site, login: str) -> None:
    """Neither a further name, nor one elsewhere, nor a group's."""
    with place.sandbox.smtp(465) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(login, PASSWORD)
