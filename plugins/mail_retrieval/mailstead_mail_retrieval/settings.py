"""What an admin can set about mail retrieval."""

from __future__ import annotations

from typing import Annotated

from mailstead.plugin import field, form, table, types
from mailstead_mail_retrieval.folders import FOLDER


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


@form(title="Mailboxes")
class Mailboxes:
    """How much a mailbox may hold."""

    size: types.Size | None = field(
        default=None, help="limit of each account without one of its own; unset: no limit"
    )


@table(title="Expiration", key=("folder",))
class Expiration:
    """A folder of each account from which old mail is removed, once a day."""

    folder: Annotated[str, FOLDER] = field(help="name of the folder, such as Trash or Junk")
    days: Annotated[int, types.integer(1, 36500)] = field(
        help="mail that has lain there for so many days is removed for ever"
    )
