"""What an admin can set about mail retrieval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from mailstead.plugin import Problem, field, form, table, types
from mailstead_mail_retrieval.folders import FOLDER
from mailstead_mail_smtp.addresses.grammar import SMALLEST_MAILBOX


@form(title="Retrieval services")
class Services:
    """Which ports are open. Passwords are taken inside TLS only, on each of them."""

    pop3: bool = field(default=True, help="POP3 with STARTTLS, port 110")
    pop3s: bool = field(default=True, help="POP3 inside TLS, port 995")
    imap: bool = field(default=True, help="IMAP with STARTTLS, port 143")
    imaps: bool = field(default=True, help="IMAP inside TLS, port 993")
    managesieve: bool = field(
        default=True, help="ManageSieve, port 4190, when a module offers rules for users"
    )
    external_retrieval: bool = field(
        default=False, help="fetch mail from accounts elsewhere, when a module offers it"
    )


def check_size(record: Mailboxes, _settings: object) -> Iterator[Problem]:
    """Give a problem with a size that hardly a message fits in; to Dovecot, 0 is no limit."""
    if record.size is not None and record.size < SMALLEST_MAILBOX:
        problem = f"{record.size} bytes are too few for a mailbox"
        hint = f"give at least {SMALLEST_MAILBOX >> 10}K, or unset it for no limit"
        yield Problem("mail_retrieval.mailboxes.size", problem, hint)


@form(title="Mailboxes", check=check_size)
class Mailboxes:
    """How much a mailbox may hold."""

    size: types.Size | None = field(
        default=None, help="limit of each account without one of its own, from 64K; unset: none"
    )


@table(title="Expiration", key=("folder",))
class Expiration:
    """A folder of each account from which old mail is removed, once a day."""

    folder: Annotated[str, FOLDER] = field(help="name of the folder, such as Trash or Junk")
    days: Annotated[int, types.integer(1, 36500)] = field(
        help="mail that has lain there for so many days is removed for ever"
    )
