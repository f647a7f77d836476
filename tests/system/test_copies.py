"""Copies for catch-alls: one each, told when they bounce, never going round; and their port."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.system.conftest import Site, new_site
from tests.system.sandbox import PASSWORD, Sandbox, message, wait_until

FRIEND, ADA, GRACE = "friend@elsewhere.example", "ada@example.org", "grace@example.org"
CARL, CORA, OTTO = "carl@copied.example", "cora@copied.example", "otto@other.example"
EVE, UMA, DORA = "eve@external.example", "uma@one.example", "dora@two.example"
TED, COPIES = "ted@team.example", "copies@example.com"
ODD = "arch=ive+all=x.y@elsewhere.example"
CATCH_ALLS = {
    "example.com": "", "copied.example": COPIES, "other.example": COPIES,
    "external.example": ODD, "one.example": DORA, "two.example": UMA,
    "team.example": "staff@example.org",
}  # fmt: skip
BOUNCE = "Undelivered Mail Returned to Sender"
COPIES_PORT = 10027


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site with domains whose catch-alls are shared, elsewhere, mutual, and a group."""
    with new_site() as made:
        run = made.sandbox.run
        run("settings", "set", "mail_smtp.user_template", "mail_account=no")
        for domain, catch_all in CATCH_ALLS.items():
            run("domain", "add", domain, *(("--catch-all", catch_all) if catch_all else ()))
        run("save")
        run("group", "add", "staff")
        for name in ("ada", "grace"):
            run("group", "add-member", "staff", name)
        run("alias", "add", "staff@example.org", "--group", "staff")
        for address in (CARL, CORA, OTTO, EVE, UMA, DORA, TED, COPIES):
            made.sandbox.add_user(address.partition("@")[0])
            run("account", "add", address.partition("@")[0], address)
        yield made


def send(place: Site, sender: str, *recipients: str, size: int = 0) -> str:
    """Send so many bytes, as a user who has logged in or as a stranger; gives the subject."""
    subject = uuid4().hex
    is_friend = sender == FRIEND
    with place.sandbox.smtp(25 if is_friend else 465) as client:
        if not is_friend:
            client.login(sender.replace("+x@", "@"), PASSWORD)
        text = message(sender, recipients[0], subject)
        text.set_content(f"{subject}\n" + ("x" * 70 + "\n") * (size // 71))
        client.send_message(text, sender, recipients)
    return subject


def counts(place: Site, subject: str, *logins: str) -> list[int]:
    """Give how many messages with a subject each has, when nothing is queued any more."""
    folders = [place.sandbox.path(f"/var/spool/postfix/{name}") for name in ("incoming", "active")]

    def is_empty() -> bool:
        return not any(path.is_file() for folder in folders for path in folder.rglob("*"))

    # Twice: a copy may come back into the one folder as its message leaves the other.
    wait_until(lambda: is_empty() and is_empty(), state=place.sandbox.logs)
    return [place.sandbox.subjects(login).count(subject) for login in logins]


def outside(place: Site, subject: str) -> list[str]:
    """Give what reached the outside with a subject."""
    return [text for text in place.outside.messages() if f"Subject: {subject}\n" in text]


def text_of_bounce(sandbox: Sandbox, login: str) -> str:
    """Wait for one in a mailbox, give it and remove it."""
    wait_until(lambda: BOUNCE in sandbox.subjects(login), state=sandbox.logs)
    with sandbox.imap(login) as client:
        client.select("INBOX")
        _, found = client.search(None, "SUBJECT", f'"{BOUNCE}"')
        (number,) = found[0].split()
        _, parts = client.fetch(number.decode(), "(BODY[])")
        client.store(number.decode(), "+FLAGS", r"\Deleted")
        client.expunge()
        assert isinstance(parts[0], tuple)
        return parts[0][1].decode()


def test_sender_and_recipients_with_one_catch_all_make_one_copy(place: Site) -> None:
    """In two domains, by extensions of an address, and from one."""
    subject = send(place, CARL, CORA, OTTO, "otto+a@other.example", "cora+b=c@copied.example")
    assert counts(place, subject, COPIES, CARL) == [1, 0]
    subject = send(place, "carl+x@copied.example", FRIEND)
    assert counts(place, subject, COPIES) == [1]
    assert len(outside(place, subject)) == 1


def test_mail_for_the_postmaster_is_copied_once(place: Site) -> None:
    """Of a domain, of one with the same catch-all and of the server; by users and by strangers."""
    run = place.sandbox.run
    run("settings", "set", "mail_smtp.options", f"postmaster={CARL}")
    run("save")
    try:
        roles = ("postmaster@copied.example", "abuse@other.example", "postmaster@mail.example.org",
                 "hostmaster@mail.example.org")  # fmt: skip
        for sender in (FRIEND, OTTO):
            for role in roles:
                assert counts(place, send(place, sender, role), CARL, COPIES) == [1, 1], role
    finally:
        run("settings", "set", "mail_smtp.options", "postmaster=")
        run("save")


def test_a_catch_all_elsewhere_has_any_name(place: Site) -> None:
    """Also with signs that mean something to Postfix; only its own copy names it."""
    received, sent = send(place, FRIEND, EVE), send(place, EVE, ADA)
    assert counts(place, received, EVE) == [1]
    for subject in (received, sent):
        (text,) = outside(place, subject)
        assert f"X-Rcpt-Args: <{ODD}>" in text
    outward = send(place, EVE, FRIEND)
    assert counts(place, outward, EVE) == [0]
    to = {re.findall("X-Rcpt-Args: <(.*?)>", text)[0] for text in outside(place, outward)}
    assert (to, len(outside(place, outward))) == ({ODD, FRIEND}, 2)


def test_copies_are_not_copied(place: Site) -> None:
    """Of two domains each with its catch-all in the other."""
    assert counts(place, send(place, FRIEND, UMA), UMA, DORA) == [1, 1]
    assert counts(place, send(place, UMA, FRIEND), UMA, DORA) == [0, 1]
    # Mail from the one to the other: to whom it is for, and a copy for each domain.
    assert counts(place, send(place, UMA, DORA), UMA, DORA) == [1, 2]


def test_a_catch_all_may_be_a_group(place: Site) -> None:
    """Each member gets what others send; who sent it, too."""
    assert counts(place, send(place, FRIEND, TED), TED, ADA, GRACE) == [1, 1, 1]
    assert counts(place, send(place, TED, FRIEND), TED, ADA, GRACE) == [0, 1, 1]


def test_when_a_copy_bounces_the_sender_is_told(place: Site) -> None:
    """Of what was sent and of what was received; by a full mailbox and by one that went."""
    sandbox = place.sandbox
    sandbox.run("account", "quota", COPIES, "64K")
    subject = send(place, CARL, FRIEND, size=70_000)
    text = text_of_bounce(sandbox, CARL)
    assert (COPIES in text, "5.2.2" in text, subject in text) == (True, True, True)
    assert len(outside(place, subject)) == 1
    sandbox.run("account", "quota", COPIES, "default")
    sandbox.run("account", "delete", COPIES, "--yes")
    for sender, recipient in ((CARL, ADA), (ADA, CARL)):
        subject = send(place, sender, recipient)
        text = text_of_bounce(sandbox, sender)
        assert (COPIES in text, subject in text) == (True, True)
        assert counts(place, subject, recipient) == [1]
    sandbox.run("account", "add", "copies", COPIES)


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("copy@copied.example.catch-all.invalid", 250),
        ("copy+x@copied.example.catch-all.invalid", 250),
        ("copy@example.com.catch-all.invalid", 450),
        ("copy@elsewhere.example.catch-all.invalid", 450),
        ("copy@x.copied.example.catch-all.invalid", 450),
        ("copy@catch-all.invalid", 554),
        (COPIES, 554),
        (ADA, 554),
        (FRIEND, 554),
        ("postmaster", 250),  # smtpd(8) takes that everywhere, and this server's own gets it
        ("copy@copied.example.catch-all.invalid@elsewhere.example", 554),
        ("friend%elsewhere.example@copied.example.catch-all.invalid.example", 554),
    ],
)
def test_the_port_takes_copies_and_nothing_else(place: Site, recipient: str, code: int) -> None:
    """From the machine itself; a domain without catch-all is put off, for a save may be undone."""
    with place.sandbox.smtp(COPIES_PORT, place.sandbox.address) as client:
        client.ehlo()
        assert not client.has_extn("dsn")
        assert not client.has_extn("auth")
        client.mail(CARL)
        said, words = client.rcpt(recipient)
    assert said == code, words


def test_the_port_is_for_this_machine_alone(place: Site) -> None:
    """Whatever the recipient."""
    with place.sandbox.smtp(COPIES_PORT) as client:
        client.ehlo()
        client.mail(FRIEND)
        assert client.rcpt("copy@copied.example.catch-all.invalid")[0] == 554


def test_strangers_cannot_address_copies(place: Site) -> None:
    """On port 25 that is relaying."""
    with place.sandbox.smtp() as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail(FRIEND, "copy@copied.example.catch-all.invalid", b"Subject: x\r\n\r\n")
    assert b"Relay access denied" in next(iter(refused.value.recipients.values()))[1]


def test_nothing_of_it_makes_postfix_warn(place: Site) -> None:
    """Not of meeting itself either."""
    lines = place.sandbox.path("/var/log/mail.log").read_text().splitlines()
    assert [line for line in lines if "warning: " in line or "loops back" in line] == []
    assert any("postfix/copies/smtpd" in line for line in lines)
