"""A site whose mail passes through Rspamd and ClamAV, and how tests speak with it."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from tests.system.conftest import Site, new_site
from tests.system.mail_samples import SENDER
from tests.system.sandbox import PASSWORD, wait_until

ADA, GRACE, FRIEND = "ada@example.org", "grace@example.org", SENDER
SCANNED = re.compile(r"rspamd_task_write_log: id: <([^>]*)>.*CLAM_CLEAN")


@contextmanager
def filtered_site(*settings: tuple[str, ...]) -> Iterator[Site]:
    """Make a site with the filter in use, without look-ups in the network."""
    with new_site() as made:
        run = made.sandbox.run
        run("enable", "filter", "--yes")
        run("settings", "set", "filter.options", "offline=true")
        run("settings", "set", "filter.spam", "tag=3", "reject=8")
        run("settings", "set", "filter.learning", "least=1")
        run("settings", "set", "mail_smtp.filter", "use=mailstead")
        for words in settings:
            run("settings", "set", *words)
        run("save")
        yield made


def send(
    place: Site, message: EmailMessage | bytes, *to: str, login: str = "", sender: str = SENDER
) -> str:
    """Send a message; gives the refusal, or nothing."""
    try:
        with place.sandbox.smtp(465 if login else 25) as client:
            if login:
                client.login(login, PASSWORD)
            if isinstance(message, bytes):
                client.sendmail(login or sender, to or (ADA,), message)
            else:
                client.send_message(message, login or sender, to or (ADA,))
    except smtplib.SMTPResponseException as error:
        return _words(error.smtp_code, error.smtp_error)
    except smtplib.SMTPRecipientsRefused as error:
        return _words(*next(iter(error.recipients.values())))
    return ""


def change(place: Site, section: str, *values: str) -> None:
    """Change settings and save."""
    place.sandbox.run("settings", "set", section, *values)
    place.sandbox.run("save")


def text_of(place: Site, subject: str, login: str = ADA) -> str:
    """Wait for a message with such a subject and give its text."""
    found: list[str] = []

    def arrived() -> bool:
        found.extend(_texts(place, subject, login))
        return bool(found)

    wait_until(arrived)
    return found[-1]


def scanned(place: Site) -> set[str]:
    """Give the ids of messages that clamd called clean, by Rspamd's log."""
    log = place.sandbox.path("/var/log/rspamd/rspamd.log").read_text(errors="replace")
    return set(SCANNED.findall(log))


def _texts(place: Site, subject: str, login: str) -> Iterator[str]:
    with place.sandbox.imap(login) as client:
        client.select("INBOX", readonly=True)
        _, numbers = client.search(None, "SUBJECT", f'"{subject}"')
        for number in numbers[0].split():
            _, parts = client.fetch(number.decode(), "(BODY[])")
            assert isinstance(parts[0], tuple)
            yield parts[0][1].decode()


def _words(code: int, said: bytes | str) -> str:
    return f"{code} {said.decode() if isinstance(said, bytes) else said}"
