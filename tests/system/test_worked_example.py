"""The worked example of the manual, from outside: SMTP, IMAP, POP3 and the command line."""

from __future__ import annotations

import smtplib

import pytest

from tests.system.conftest import Site
from tests.system.sandbox import OFFICE, PASSWORD, message, wait_until

FRIEND = "friend@elsewhere.example"


def arrived(site: Site, subject: str) -> bool:
    """Tell whether a message with this subject arrived outside."""
    return any(f"Subject: {subject}" in text for text in site.outside.messages())


def test_a_stranger_reaches_a_user_who_reads_it_by_imap_and_pop3(site: Site) -> None:
    """Reception on port 25, LMTP, Maildir, IMAPS, POP3S."""
    with site.sandbox.smtp() as client:
        client.send_message(message(FRIEND, "ada@example.org", "by stranger"))
    wait_until(lambda: "by stranger" in site.sandbox.subjects("ada@example.org"))
    client_pop = site.sandbox.pop3("ada@example.org")
    count, _ = client_pop.stat()
    client_pop.quit()
    assert count >= 1


def test_a_client_of_an_allowed_object_relays(site: Site) -> None:
    """Without authentication, by its address; mail.log says so."""
    with site.sandbox.smtp(source=OFFICE) as client:
        client.send_message(message("ada@example.org", FRIEND, "by object"))
    wait_until(lambda: arrived(site, "by object"))
    log = site.sandbox.path("/var/log/mail.log").read_text()
    assert any(f"to=<{FRIEND}>" in line and "status=sent" in line for line in log.splitlines())


@pytest.mark.parametrize("port", [587, 465])
def test_an_authenticated_user_relays_from_anywhere(site: Site, port: int) -> None:
    """STARTTLS on 587, implicit TLS on 465."""
    with site.sandbox.smtp(port) as client:
        if port == 587:
            client.starttls()
        client.login("ada@example.org", PASSWORD)
        client.send_message(message("ada@example.org", FRIEND, f"by port {port}"))
    wait_until(lambda: arrived(site, f"by port {port}"))


def test_a_stranger_may_not_relay(site: Site) -> None:
    """554, Relay access denied."""
    with site.sandbox.smtp() as client:
        client.ehlo()
        client.mail("someone@elsewhere.example")
        code, words = client.rcpt(FRIEND)
    assert (code, b"Relay access denied" in words) == (554, True)


def test_an_unknown_recipient_is_refused_at_the_door(site: Site) -> None:
    """550 while the sender is still connected."""
    with site.sandbox.smtp() as client:
        client.ehlo()
        client.mail("someone@elsewhere.example")
        assert client.rcpt("nobody@example.org")[0] == 550


def test_auth_is_offered_only_inside_tls_and_never_on_port_25(site: Site) -> None:
    """A password never crosses in the clear."""
    with site.sandbox.smtp(25) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        client.starttls()
        client.ehlo()
        assert not client.has_extn("auth")
    with site.sandbox.smtp(587) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        client.starttls()
        client.ehlo()
        assert client.has_extn("auth")


@pytest.mark.parametrize("login", ["ada", "grace@elsewhere.example", "ada@EXAMPLE.org.", "", "%"])
def test_login_is_by_full_address_only(site: Site, login: str) -> None:
    """Neither the user's name nor another's address."""
    with site.sandbox.smtp(465) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(login, PASSWORD)


@pytest.mark.parametrize(
    "sender", ["grace@example.org", "boss@example.org", "someone@elsewhere.example", "ada@EXAMPLE"]
)
def test_a_sender_may_only_use_addresses_that_are_theirs(site: Site, sender: str) -> None:
    """Another user's, an unknown local and a foreign address are refused."""
    with site.sandbox.smtp(465) as client:
        client.login("ada@example.org", PASSWORD)
        client.ehlo()
        client.mail(sender)
        assert client.rcpt(FRIEND)[0] // 100 == 5


def test_a_null_sender_needs_no_address_of_its_own_inbound(site: Site) -> None:
    """Bounces from outside are received."""
    with site.sandbox.smtp() as client:
        client.sendmail("", ["ada@example.org"], "Subject: bounce\r\n\r\nx\r\n")
    wait_until(lambda: "bounce" in site.sandbox.subjects("ada@example.org"))


def test_special_use_folders_exist_and_are_subscribed(site: Site) -> None:
    """Drafts, Sent, Trash and Junk, by RFC 6154."""
    with site.sandbox.imap("grace@example.org") as client:
        _, listed = client.list()
        _, subscribed = client.lsub()
    lines = b"\n".join(item for item in listed if isinstance(item, bytes))
    for flag in (b"\\Drafts", b"\\Sent", b"\\Trash", b"\\Junk"):
        assert flag in lines
    assert len(subscribed) >= 4


def test_wrong_ports_stay_closed_and_right_ones_open(site: Site) -> None:
    """Every switched-on service answers."""
    assert all(site.sandbox.is_open(port) for port in (25, 110, 143, 465, 587, 993, 995))


def test_postfix_cannot_read_password_hashes(site: Site) -> None:
    """Its user may not even enter the folder."""
    import subprocess

    folder = site.sandbox.path("/var/lib/mailstead/directory")
    done = subprocess.run(
        ["setpriv", "--reuid=postfix", "--regid=postfix", "--clear-groups", "ls", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
