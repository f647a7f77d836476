"""Which mailboxes are known to take mail: they have room and are not closed.

Who counts what is in them says so, and takes it back. Of a mailbox that is not here nothing is
known. Whoever changes how much one may hold, or closes it, forgets it.
"""

from __future__ import annotations

import sqlalchemy as sa

from mailstead_mail_smtp.addresses.tables import ACCOUNTS, ROOMY


def remember(connection: sa.Connection, address: str, terms: str, now: float) -> None:
    """Know from now on that a mailbox has room, under such terms, unless it is closed."""
    forget(connection, address)
    values = sa.select(ACCOUNTS.c.address, sa.literal(terms), sa.literal(int(now)))
    open_one = values.where(ACCOUNTS.c.address == address, ~ACCOUNTS.c.refuses_mail)
    connection.execute(ROOMY.insert().from_select(["address", "terms", "learned"], open_one))


def forget_closed(connection: sa.Connection) -> None:
    """Forget closed mailboxes: where power failed while one was closed, it may still be here."""
    closed = sa.select(ACCOUNTS.c.address).where(ACCOUNTS.c.refuses_mail)
    connection.execute(ROOMY.delete().where(ROOMY.c.address.in_(closed)))


def forget(connection: sa.Connection, address: str) -> None:
    """Know nothing of a mailbox any more."""
    connection.execute(ROOMY.delete().where(ROOMY.c.address == address))


def to_look_at(
    connection: sa.Connection, terms: str, before: float, after: str, limit: int = 100
) -> list[str]:
    """Give accounts, in order, that nothing is known of, or nothing since a moment.

    Those that come after an address, so that one can go on where one was.
    """
    known = sa.select(ROOMY.c.address).where(
        ROOMY.c.address == ACCOUNTS.c.address, ROOMY.c.terms == terms, ROOMY.c.learned >= before
    )
    select = sa.select(ACCOUNTS.c.address).where(
        ACCOUNTS.c.address > after, ~known.exists(), ~ACCOUNTS.c.refuses_mail
    )
    return list(connection.execute(select.order_by(ACCOUNTS.c.address).limit(limit)).scalars())
