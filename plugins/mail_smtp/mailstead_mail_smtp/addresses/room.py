"""Which mailboxes are known to have room. Who counts what is in them says so, and takes it back.

Of a mailbox that is not here nothing is known. Whoever changes how much one may hold forgets it.
"""

from __future__ import annotations

import sqlalchemy as sa

from mailstead_mail_smtp.addresses.tables import ACCOUNTS, ROOMY


def remember(connection: sa.Connection, address: str, terms: str, now: float) -> None:
    """Know from now on that a mailbox has room, under such terms."""
    forget(connection, address)
    connection.execute(ROOMY.insert().values(address=address, terms=terms, learned=int(now)))


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
    select = sa.select(ACCOUNTS.c.address).where(ACCOUNTS.c.address > after, ~known.exists())
    return list(connection.execute(select.order_by(ACCOUNTS.c.address).limit(limit)).scalars())
