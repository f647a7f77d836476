"""What tests of rules do again and again: send, look into folders, see what went outside."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.system.conftest import Site, new_site
from tests.system.sandbox import message, wait_until

ADA, GRACE = "ada@example.org", "grace@example.org"
FRIEND, FAR = "friend@elsewhere.example", "far@elsewhere.example"


@contextmanager
def new_site_with_rules() -> Iterator[Site]:
    """Give a new site with sieve."""
    with new_site() as place:
        place.sandbox.run("enable", "sieve", "--yes")
        place.sandbox.run("save")
        yield place


def put(place: Site, login: str, text: str) -> None:
    """Make a text the active script of an account, by Dovecot's own means."""
    config = str(place.sandbox.path("/etc/dovecot/dovecot.conf"))
    argv = ["doveadm", "-c", config, "sieve", "put", "-a", "-u", login, "main"]
    subprocess.run(argv, input=text, text=True, check=True)


def send(
    place: Site, sender: str, recipient: str, subject: str, text: str = "", **headers: str
) -> None:
    """Send a message with more headers, as a stranger."""
    made = message(sender or FRIEND, headers.pop("To", recipient), subject)
    if text:
        made.set_content(text)
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    with place.sandbox.smtp() as client:
        client.send_message(made, sender, [recipient])


def subjects(place: Site, login: str, folder: str) -> list[str]:
    """Give the subjects in a folder; none where there is no such folder."""
    with place.sandbox.imap(login) as client:
        status, count = client.select(f'"{folder}"', readonly=True)
        if status != "OK" or count == [b"0"]:
            return []
        _, found = client.fetch("1:*", "(BODY[HEADER.FIELDS (SUBJECT)])")
        return [part[1].decode().strip()[9:] for part in found if isinstance(part, tuple)]


def arrived(place: Site, login: str, folder: str, subject: str) -> None:
    """Wait until a message is in a folder."""
    wait_until(lambda: subject in subjects(place, login, folder))


def left(place: Site, subject: str) -> list[str]:
    """Give what went outside with a subject, or a beginning of one."""
    found = re.compile(rf"^Subject: {re.escape(subject)}", re.MULTILINE)
    return [text for text in place.outside.messages() if found.search(text)]


def went_out(place: Site, subject: str) -> str:
    """Wait until one message went outside, and give it."""
    wait_until(lambda: len(left(place, subject)) == 1)
    return left(place, subject)[0]
