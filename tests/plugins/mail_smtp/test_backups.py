"""What of mail belongs in a backup, and by what a message is known."""

from __future__ import annotations

import pytest

from mailstead_mail_smtp import module
from mailstead_mail_smtp.backups import message

BOX = "example.org/ada-1f/Maildir"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("new/1.a.mail", "cur/1.a.mail:2,S"),
        ("cur/1.a.mail:2,", "cur/1.a.mail:2,FRS"),
        ("cur/1.a.mail,S=5:2,a", "new/1.a.mail,S=5"),
    ],
)
def test_a_message_is_the_same_when_its_flags_change(one: str, other: str) -> None:
    """And when it is seen for the first time."""
    assert message(f"{BOX}/{one}") == message(f"{BOX}/{other}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cur/1.a:2,S", ".Sent/cur/1.a:2,S"),
        ("cur/1.a:2,S", "cur/1.b:2,S"),
        ("cur/1.a,S=5:2,S", "cur/1.a,S=6:2,S"),
        ("dovecot-uidlist", "subscriptions"),
        ("dovecot-uidlist", ".Sent/dovecot-uidlist"),
    ],
)
def test_other_messages_and_files_are_others(one: str, other: str) -> None:
    """Those of another folder too."""
    assert message(f"{BOX}/{one}") != message(f"{BOX}/{other}")
    assert message(f"{BOX}/{one}") is not None


@pytest.mark.parametrize(
    "name",
    ["tmp/1.a", ".Sent/tmp/1.a", "dovecot.index", "dovecot.index.log", "dovecot.index.cache",
     ".Sent/dovecot.index.log.2", "dovecot.list.index", "dovecot.list.index.log"],
)  # fmt: skip
def test_what_is_made_again_needs_no_backup(name: str) -> None:
    """Nor what is not delivered yet."""
    assert message(f"{BOX}/{name}") is None


def test_accounts_always_and_mail_when_asked_for() -> None:
    """The database is in every backup with secrets."""
    assert [(item.path, item.kind, item.optional) for item in module.backups] == [
        ("/var/lib/mailstead/lookup/mail.db", "sqlite", ""),
        ("/var/vmail", "tree", "mail"),
    ]
