"""What a mail program is told to enter works, for each way that is told."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.system.conftest import Site
from tests.system.sandbox import PASSWORD, message, trust, wait_until

ADA = "ada@example.org"


def told(site: Site, address: str = ADA) -> list[dict[str, Any]]:
    """Give the services by JSON."""
    found: list[dict[str, Any]] = site.sandbox.json("client-settings", address)
    return found


def use(service: dict[str, Any]) -> None:
    """Log in as told, and send where that is what it is for."""
    place = (service["server"], service["port"])
    is_inside = service["security"] == "SSL/TLS"
    user = service["user"]
    if service["protocol"] == "smtp":
        use_smtp(place, user, is_inside)
    elif service["protocol"] == "imap":
        client = (
            imaplib.IMAP4_SSL(*place, ssl_context=trust()) if is_inside else imaplib.IMAP4(*place)
        )
        with client:
            if not is_inside:
                client.starttls(trust())
            client.login(user, PASSWORD)
    else:
        pop3 = poplib.POP3_SSL(*place, context=trust()) if is_inside else poplib.POP3(*place)
        if not is_inside:
            pop3.stls(trust())
        pop3.user(user)
        pop3.pass_(PASSWORD)
        pop3.quit()


def use_smtp(place: tuple[str, int], user: str, is_inside: bool) -> None:
    """Send to oneself."""
    client = smtplib.SMTP_SSL(*place, context=trust()) if is_inside else smtplib.SMTP(*place)
    with client:
        if not is_inside:
            client.starttls(context=trust())
        client.login(user, PASSWORD)
        client.send_message(message(user, user, f"by client settings {place[1]}"))


def test_each_way_that_is_told_works(site: Site) -> None:
    """By the JSON alone."""
    services = told(site)
    assert [(item["protocol"], item["security"]) for item in services] == [
        ("imap", "SSL/TLS"), ("imap", "STARTTLS"), ("pop3", "SSL/TLS"), ("pop3", "STARTTLS"),
        ("smtp", "SSL/TLS"), ("smtp", "STARTTLS"),
    ]  # fmt: skip
    for item in services:
        use(item)
    sent = {f"by client settings {item['port']}" for item in services if item["protocol"] == "smtp"}
    wait_until(lambda: sent <= set(site.sandbox.subjects(ADA)))


def test_an_alias_is_told_its_account(site: Site) -> None:
    """It is no user name; a group's or nobody's address has none."""
    site.sandbox.run("alias", "add", "me@example.org", "--account", ADA)
    try:
        assert {item["user"] for item in told(site, "me@example.org")} == {ADA}
        done = site.sandbox.run("client-settings", "me@example.org")
        assert "me@example.org is an alias; the account is ada@example.org" in done.stderr
        assert "SSL/TLS means TLS from the first byte" in done.stdout
    finally:
        site.sandbox.run("alias", "remove", "me@example.org")
    site.sandbox.run("client-settings", "nobody@example.org", status=2)


def test_thunderbird_reads_the_same(site: Site) -> None:
    """Its XML has each server once."""
    text = site.sandbox.run("client-settings", ADA, "--autoconfig").stdout
    root = ET.fromstring(text.encode())  # noqa: S314 - our own
    assert root.tag == "clientConfig"
    servers = [*root.iter("incomingServer"), *root.iter("outgoingServer")]
    read = [
        (item.get("type"), int(item.findtext("port", "")), item.findtext("username"))
        for item in servers
    ]
    assert read == [(item["protocol"], item["port"], ADA) for item in told(site)]
    assert site.sandbox.json("client-settings", ADA, "--autoconfig") == {"autoconfig": text}


@pytest.mark.parametrize("service", ["pop3", "pop3s", "imap", "imaps"])
def test_what_is_switched_off_is_closed_and_not_told(site: Site, service: str) -> None:
    """A switch is a port."""
    standard = {"pop3": 110, "pop3s": 995, "imap": 143, "imaps": 993}[service]
    run = site.sandbox.run
    run("settings", "set", "mail_retrieval.services", f"{service}=no")
    run("save")
    try:
        assert not site.sandbox.is_open(standard)
        assert site.sandbox.port(standard) not in [item["port"] for item in told(site)]
    finally:
        run("settings", "unset", "mail_retrieval.services")
        run("save")
    assert site.sandbox.is_open(standard)
