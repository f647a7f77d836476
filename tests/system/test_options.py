"""Options of the mail server, seen by SMTP."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from uuid import uuid4

import pytest

from tests.system.conftest import Site, new_site
from tests.system.sandbox import OFFICE, STRANGER, message, wait_until
from tests.system.watch import digests, refusal_of

ADA, FRIEND = "ada@example.org", "friend@elsewhere.example"


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site of this file's own."""
    with new_site() as made:
        yield made


@contextmanager
def saved(place: Site, form: str, *words: str) -> Iterator[None]:
    """Save settings, and unset them afterwards."""
    place.sandbox.run("settings", "set", form, *words)
    place.sandbox.run("save")
    try:
        yield
    finally:
        place.sandbox.run("settings", "unset", form)
        place.sandbox.run("save")


def rcpt(place: Site, port: int, sender: str, recipient: str, source: str = STRANGER) -> int:
    """Give the code a recipient gets on a port, inside TLS where it is offered."""
    with place.sandbox.smtp(port, source) as client:
        if port == 587:
            client.starttls()
            client.ehlo()
        client.ehlo_or_helo_if_needed()
        first = client.mail(sender)[0]
        return first if first >= 500 else client.rcpt(recipient)[0]


def test_the_size_a_client_sees_is_the_size_that_is_meant(place: Site) -> None:
    """EHLO says it, one byte more is refused with 552, no limit is SIZE 0 or none."""
    with saved(place, "mail_smtp.options", "message_size=100K"), place.sandbox.smtp() as client:
        client.ehlo()
        assert client.esmtp_features["size"] == str(100 << 10)
        assert client.mail(FRIEND, [f"SIZE={100 << 10}"])[0] == 250
        client.rset()
        assert client.mail(FRIEND, [f"SIZE={(100 << 10) + 1}"])[0] == 552
        client.rset()
        text = message(FRIEND, ADA, "large")
        text.set_content(("x" * 70 + "\n") * 2000)
        with pytest.raises(smtplib.SMTPResponseException) as refused:
            client.sendmail(FRIEND, [ADA], text.as_bytes())
        assert refused.value.smtp_code == 552


def test_submission_needs_tls_and_a_login_until_they_are_switched_off(place: Site) -> None:
    """AUTH stays inside TLS whatever is set."""
    with place.sandbox.smtp(587) as client:
        client.ehlo()
        assert client.mail(ADA)[0] == 530
    assert rcpt(place, 587, FRIEND, ADA) >= 500
    with saved(place, "mail_smtp.authentication", "require_tls=no", "require_authentication=no"):
        with place.sandbox.smtp(587, OFFICE) as client:
            client.ehlo()
            assert not client.has_extn("auth")
            assert client.mail(ADA)[0] == 250
            assert client.rcpt(FRIEND)[0] == 250
        assert rcpt(place, 587, FRIEND, ADA) == 250
        assert rcpt(place, 587, FRIEND, FRIEND) == 554


def test_who_greets_with_our_name_is_refused(place: Site) -> None:
    """501; an allowed object may."""
    for source, code in ((STRANGER, 501), (OFFICE, 250)):
        with place.sandbox.smtp(source=source) as client:
            client.ehlo("mail.example.org")
            client.mail(FRIEND)
            assert client.rcpt(ADA)[0] == code


def test_mail_of_local_programs_has_the_mailname(place: Site) -> None:
    """In /etc/mailname, and not in the greeting, which is for the DNS."""
    with saved(place, "mail_smtp.options", "mailname=local.example"):
        assert place.sandbox.path("/etc/mailname").read_text() == "local.example\n"
        with place.sandbox.smtp() as client:
            client.ehlo()
            assert client.ehlo_resp is not None
            assert client.ehlo_resp.startswith(b"mail.example.org")
    assert place.sandbox.path("/etc/mailname").read_text() == "mail.example.org\n"


def test_the_postmaster_can_be_anybody(place: Site) -> None:
    """A managed account, or somebody elsewhere."""
    for target, place_of in ((ADA, "here"), ("pm@elsewhere.example", "outside")):
        with saved(place, "mail_smtp.options", f"postmaster={target}"):
            subject = f"for the postmaster {place_of}"
            with place.sandbox.smtp() as client:
                client.send_message(message(FRIEND, "postmaster@example.org", subject))
            wait_until(partial(has_come, place, subject, place_of))


def test_mail_for_a_postmaster_that_nobody_is_goes_to_root(place: Site) -> None:
    """It never goes round, whatever address of ours was set; each message arrives, once."""
    run, sent = place.sandbox.run, []
    run("domain", "add", "out.example")
    run("domain", "alias", "add", "other.example", "out.example")
    run("save")
    for target in ("postmaster@out.example", "abuse@other.example", "nobody@example.org"):
        with (
            saved(place, "mail_smtp.options", f"postmaster={target}"),
            place.sandbox.smtp(source=OFFICE) as client,
        ):
            for to in (target, "postmaster@example.org", "abuse@out.example",
                       "postmaster@mail.example.org", "abuse@mail.example.org"):  # fmt: skip
                sent.append(uuid4().hex)
                client.send_message(message(FRIEND, to, sent[-1]), to_addrs=[to])
            wait_until(lambda: all(subject in roots_mail(place) for subject in sent))
    assert [roots_mail(place).count(f"Subject: {subject}") for subject in sent] == [1] * len(sent)
    assert not any(subject in text for text in place.outside.messages() for subject in sent)


def roots_mail(place: Site) -> str:
    """Give what is in root's mailbox."""
    box = place.sandbox.path("/var/mail/root")
    return box.read_text() if box.exists() else ""


def has_come(place: Site, subject: str, where: str) -> bool:
    """Tell whether a message is in ada's mailbox, or outside."""
    if where == "here":
        return subject in place.sandbox.subjects(ADA)
    return any(subject in text for text in place.outside.messages())


def test_an_object_that_is_anyone_is_allowed_only_with_open_eyes(place: Site) -> None:
    """The plan names the danger, and so does the question."""
    run = place.sandbox.run
    run("object", "add", "world")
    run("object", "add-member", "world", "0.0.0.0/0")
    run("relay", "allow", "world")
    assert "anyone could send" in run("plan", status=2).stderr
    assert "open relay" in run("relay", "allow", "world", "--open-relay", status=4).stderr
    run("relay", "allow", "world", "--open-relay", "--yes")
    run("save")
    assert rcpt(place, 25, FRIEND, FRIEND) == 250
    assert "mail_smtp.relay" in run("object", "remove", "world", status=2).stderr
    run("object", "remove", "world", "--force")
    run("save")
    assert rcpt(place, 25, FRIEND, FRIEND) == 554
    assert "world" not in run("relay", "list").stdout


def test_a_denied_object_does_not_relay(place: Site) -> None:
    """Its row stays."""
    run = place.sandbox.run
    run("relay", "deny", "office")
    run("save")
    assert rcpt(place, 25, FRIEND, FRIEND, OFFICE) == 554
    run("relay", "allow", "office")
    run("save")
    assert rcpt(place, 25, FRIEND, FRIEND, OFFICE) == 250


REFUSED = [
    ("mail_smtp.options", "mailname=example.org", "mailname"),
    ("mail_smtp.options", "mailname=nodot", "mailname"),
    ("mail_smtp.options", "mailname={{ 7*7 }}.com", "mailname"),
    ("mail_smtp.options", "mailname=$(id).com", "mailname"),
    ("mail_smtp.options", "mailname=a.com\nmynetworks=0.0.0.0/0", "mailname"),
    ("mail_smtp.options", "postmaster=|cmd@example.com", "postmaster"),
    ("mail_smtp.options", "postmaster=/etc/passwd@example.com", "postmaster"),
    ("mail_smtp.options", "postmaster=:include:/etc/passwd", "postmaster"),
    ("mail_smtp.options", "postmaster=${x}@example.com", "postmaster"),
    ("mail_smtp.options", "postmaster={{7*7}}@example.com", "postmaster"),
    ("mail_smtp.options", "postmaster=a@b.com, c@d.com", "postmaster"),
    ("mail_smtp.options", "message_size=0", "message_size"),
    ("mail_smtp.options", "message_size=1", "message_size"),
    ("mail_smtp.options", "message_size=-1", "message_size"),
    ("mail_smtp.options", "message_size=1025M", "message_size"),
    ("mail_smtp.options", "message_size=9223372036854775807", "message_size"),
    ("mail_smtp.options", "message_size=1e309", "message_size"),
    ("mail_smtp.options", "message_size=1k OR 1=1", "message_size"),
    ("mail_smtp.authentication", "require_tls=perhaps", "require_tls"),
]


@pytest.mark.parametrize(("form", "word", "field"), REFUSED)
def test_a_wrong_option_is_named_and_changes_nothing(
    place: Site, form: str, word: str, field: str
) -> None:
    """At once or by the plan."""
    before = digests(place.sandbox)
    assert f"{form}.{field}" in refusal_of(place.sandbox, "settings", "set", form, word)
    assert digests(place.sandbox) == before
