"""Which mailboxes are known to have room, and what ends that."""

from __future__ import annotations

import sqlalchemy as sa

from mailstead_mail_smtp.addresses import room
from mailstead_mail_smtp.addresses.accounts import (
    create_account,
    delete_account,
    resume,
    set_quota,
    suspend,
)
from mailstead_mail_smtp.addresses.tables import ACCOUNTS, ROOMY

ADA, BOB = "ada@example.com", "bob@example.org"


def unknown(connection: sa.Connection, terms: str = "1", before: float = 0, after: str = "") -> str:
    """Give who is to be looked at, in one line."""
    return " ".join(room.to_look_at(connection, terms, before, after))


def test_what_is_known_is_not_looked_at_again(connection: sa.Connection) -> None:
    """Until its time has come, or other settings hold."""
    create_account(connection, "ada", ADA)
    create_account(connection, "bob", BOB)
    assert unknown(connection) == f"{ADA} {BOB}"
    assert unknown(connection, after=ADA) == BOB
    room.remember(connection, ADA, "1", 100)
    assert unknown(connection) == BOB
    assert unknown(connection, before=101) == f"{ADA} {BOB}"
    assert unknown(connection, terms="2") == f"{ADA} {BOB}"
    room.remember(connection, ADA, "2", 200)
    assert unknown(connection, terms="2", before=200) == BOB


def test_another_quota_and_the_end_of_an_account_end_it(connection: sa.Connection) -> None:
    """Whoever has the address next has another mailbox."""
    create_account(connection, "ada", ADA)
    room.remember(connection, ADA, "1", 100)
    set_quota(connection, ADA, 1000)
    assert unknown(connection) == ADA
    room.remember(connection, ADA, "1", 100)
    delete_account(connection, ADA)
    create_account(connection, "ada", ADA)
    assert unknown(connection) == ADA


def known(connection: sa.Connection) -> list[str]:
    """Give the mailboxes that are known to take mail."""
    return list(connection.execute(sa.select(ROOMY.c.address)).scalars())


def test_a_closed_mailbox_is_not_known_to_take_mail(connection: sa.Connection) -> None:
    """Not from the moment it is closed, nor when somebody just found room in it."""
    create_account(connection, "ada", ADA)
    room.remember(connection, ADA, "1", 100)
    suspend(connection, ADA, refuse_mail=True)
    assert known(connection) == []
    room.remember(connection, ADA, "1", 100)
    assert known(connection) == []
    assert unknown(connection) == ""
    resume(connection, ADA)
    room.remember(connection, ADA, "1", 100)
    assert known(connection) == [ADA]


def test_a_mailbox_closed_when_power_failed_is_forgotten_later(connection: sa.Connection) -> None:
    """Accounts and room are two files, of which one may have been written alone."""
    create_account(connection, "ada", ADA)
    room.remember(connection, ADA, "1", 100)
    connection.execute(ACCOUNTS.update().values(refuses_mail=True))
    room.forget_closed(connection)
    assert known(connection) == []
