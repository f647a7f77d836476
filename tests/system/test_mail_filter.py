"""Rspamd and ClamAV as the filter of a real Postfix: what is refused, marked, kept and learned."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from tests.system.conftest import Site, new_site
from tests.system.mail_samples import EICAR, GTUBE, SENDER, attached, plain, spam, zipped
from tests.system.sandbox import PASSWORD, wait_until

ADA, FRIEND = "ada@example.org", "friend@elsewhere.example"


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site whose mail is filtered, without look-ups in the network."""
    with new_site() as made:
        run = made.sandbox.run
        run("enable", "filter", "--yes")
        run("settings", "set", "filter.options", "offline=true", "redis=false", "workers=1")
        run("settings", "set", "filter.learning", "least=1")
        run("settings", "set", "mail_smtp.filter", "use=mailstead")
        run("save")
        yield made


def send(place: Site, message: EmailMessage, *, login: str = "", to: str = ADA) -> str:
    """Send a message; gives the refusal, or nothing."""
    with place.sandbox.smtp(465 if login else 25) as client:
        if login:
            client.login(login, PASSWORD)
        try:
            client.send_message(message, login or SENDER, [to])
        except smtplib.SMTPDataError as error:
            return f"{error.smtp_code} {error.smtp_error.decode()}"  # type: ignore[union-attr]
    return ""


def text_of(place: Site, subject: str, login: str = ADA) -> str:
    """Wait for a message with such a subject and give its text."""

    def found() -> str:
        with place.sandbox.imap(login) as client:
            client.select("INBOX", readonly=True)
            _, numbers = client.search(None, "SUBJECT", f'"{subject}"')
            if not numbers[0]:
                return ""
            _, parts = client.fetch(numbers[0].split()[-1].decode(), "(BODY[])")
            assert isinstance(parts[0], tuple)
            return parts[0][1].decode()

    wait_until(lambda: bool(found()))
    return found()


def change(place: Site, form: str, *values: str) -> None:
    """Change settings and save."""
    place.sandbox.run("settings", "set", form, *values)
    place.sandbox.run("save")


def test_good_mail_passes_and_nobody_else_can_mark_it(place: Site) -> None:
    """Marks that a sender forged are taken off."""
    forged = {"X_Spam": "Yes", "X_Mailstead_Filter": "quarantine; class=spam; forged"}
    assert send(place, plain("good mail", **forged)) == ""
    text = text_of(place, "good mail")
    assert "X-Spam" not in text
    assert "X-Mailstead-Filter" not in text


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (plain("gtube", GTUBE), "554 5.7.1 Gtube pattern"),
        (spam(), "554 5.7.1 this looks like spam"),
        (attached("eicar", "x.txt", EICAR), "554 5.7.1 virus found: Eicar-Test-Signature"),
        (attached("zip", "x.zip", zipped("x.txt", EICAR)), "554 5.7.1 virus found: Eicar-Test"),
        (plain("inline", EICAR.decode()), "554 5.7.1 virus found: Eicar-Test-Signature"),
        (attached("exe", "setup.exe"), "554 5.7.1 attachment not taken here: .exe"),
        (attached("dots", "setup.ExE. ."), "554 5.7.1 attachment not taken here: .exe"),
        (attached("rtl", "setup\u202etxt.exe"), "554 5.7.1 attachment not taken here: .exe"),
        (attached("inside", "x.zip", zipped("a/setup.EXE", b"MZ")),
         "554 5.7.1 attachment not taken here: .exe"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("login", ["", ADA])
def test_bad_mail_is_refused_while_the_sender_is_connected(
    place: Site, message: EmailMessage, words: str, login: str
) -> None:
    """From strangers, and from users who send it elsewhere."""
    said = send(place, message, login=login, to=FRIEND if login else ADA)
    assert said.startswith(words)


def test_what_is_suspected_is_marked(place: Site) -> None:
    """X-Spam, for whoever files mail by it."""
    assert send(place, spam("Rather odd", less=True)) == ""
    text = text_of(place, "Rather odd")
    assert "\r\nX-Spam: Yes\r\n" in text
    assert "\r\nX-Mailstead-Filter: tag; class=suspect; this may be spam\r\n" in text
