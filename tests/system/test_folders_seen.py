"""What IMAP tells of folders while mail comes; it has it from an index that delivery keeps."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.system.conftest import Site
from tests.system.sandbox import wait_until
from tests.system.sieving import ADA, FRIEND, new_site_with_rules, put, send

RULE = 'require ["fileinto", "mailbox"]; if header "Subject" "new" { fileinto :create "New"; }'
TIMES = 3


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site with sieve, and a rule of ada's that makes a folder."""
    with new_site_with_rules() as made:
        put(made, ADA, RULE)
        yield made


def has(folder: Path, count: int) -> bool:
    """Tell whether so many messages were delivered; Dovecot is not asked, for it would look."""
    return len([*folder.glob("ada-*/Maildir/**/new/*")]) == count


def told(client: imaplib.IMAP4, folder: str) -> tuple[int, int]:
    """Give the messages and the unseen ones that a session is told of."""
    _, (said,) = client.status(folder, "(MESSAGES UNSEEN)")
    match = re.search(rb"MESSAGES (\d+) UNSEEN (\d+)", said)
    assert match is not None
    return int(match[1]), int(match[2])


def folders(client: imaplib.IMAP4) -> str:
    """Give the folders that a session is told of, as it is told."""
    return str(client.list()[1])


def test_each_session_is_told_at_once_of_mail_in_any_folder(place: Site) -> None:
    """One that looked before, and one that comes after; also of a folder that was made for it."""
    new = place.sandbox.path("/var/vmail/example.org")
    with place.sandbox.imap(ADA) as before:
        assert told(before, "INBOX") == told(before, "Junk") == (0, 0)
        assert "New" not in folders(before)
        for number in range(1, TIMES + 1):
            send(place, FRIEND, ADA, "plain")
            send(place, FRIEND, ADA, "spam", X_Spam="yes")
            send(place, FRIEND, ADA, "new")
            wait_until(partial(has, new, 3 * number))
            with place.sandbox.imap(ADA) as after:
                for client in (before, after):
                    assert "New" in folders(client)
                    for folder in ("INBOX", "Junk", "New"):
                        assert told(client, folder) == (number, number), folder
