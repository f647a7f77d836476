"""What of mail belongs in a backup: the accounts, and the messages when they are asked for."""

from __future__ import annotations

from mailstead.plugin import Backup
from mailstead_mail_smtp.places import LOOKUP_DATABASE, MAILDIRS

# Dovecot makes them again from the messages. Its lists of message ids are not among them: with
# them a client need not fetch everything anew.
_MADE_AGAIN = ("dovecot.index", "dovecot.list.index")


def backups() -> tuple[Backup, ...]:
    """Give the database Postfix looks addresses up in, and the mailboxes."""
    return (
        Backup(LOOKUP_DATABASE, "sqlite", counts=("domains", "accounts")),
        Backup(MAILDIRS, "tree", optional="mail", same=message),
    )


def message(path: str) -> str | None:
    """Give what a file in a mailbox is known by.

    A message keeps the part of its name before ``:2,`` while its flags change and while it
    moves from ``new`` to ``cur``; see maildir(5). What is in ``tmp`` is not delivered yet.
    """
    folder, _, name = path.rpartition("/")
    mailbox, _, kind = folder.rpartition("/")
    if name.startswith(_MADE_AGAIN) or kind == "tmp":
        return None
    return f"{mailbox}/{name.partition(':2,')[0]}" if kind in ("cur", "new") else path
