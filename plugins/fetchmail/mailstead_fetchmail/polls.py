"""What became of each account's last poll, and which account is next."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from mailstead_fetchmail.tables import ACCOUNTS, POLLS


@attrs.frozen
class Poll:
    """An account's last poll.

    Attributes:
        at: seconds since the epoch, when it began.
        succeeded: when one last went well; ``None``: never.
        fetched: messages that came by it.
        error: in plain words; empty when it went well.
    """

    account_id: int
    at: float
    succeeded: float | None = None
    fetched: int = 0
    error: str = ""


def last_poll(connection: sa.Connection, number: int) -> Poll | None:
    """Give an account's last poll; ``None`` when there was none."""
    row = connection.execute(sa.select(POLLS).where(POLLS.c.account_id == number)).one_or_none()
    return None if row is None else Poll(**row._mapping)


def record_poll(connection: sa.Connection, poll: Poll) -> None:
    """Record a poll that ended, unless its account went meanwhile."""
    exists = sa.select(ACCOUNTS.c.id).where(ACCOUNTS.c.id == poll.account_id)
    if connection.execute(exists).first() is None:
        return
    before = last_poll(connection, poll.account_id)
    succeeded = (before.succeeded if before else None) if poll.error else poll.at
    connection.execute(POLLS.delete().where(POLLS.c.account_id == poll.account_id))
    connection.execute(POLLS.insert().values(attrs.asdict(attrs.evolve(poll, succeeded=succeeded))))


def due_accounts(
    connection: sa.Connection, now: float, seconds: float, limit: int
) -> tuple[tuple[int, int], ...]:
    """Give number and owner's id of accounts whose turn it is, the longest waiting first.

    An account that was changed since its last poll does not wait. One polled in what is now
    the future was so before the clock was set back.
    """
    waited = sa.or_(
        POLLS.c.at.is_(None), POLLS.c.at <= now - seconds, POLLS.c.at > now,
        POLLS.c.at < ACCOUNTS.c.changed,
    )  # fmt: skip
    source = ACCOUNTS.outerjoin(POLLS, POLLS.c.account_id == ACCOUNTS.c.id)
    chosen = sa.select(ACCOUNTS.c.id, ACCOUNTS.c.user_id).select_from(source).where(waited)
    rows = connection.execute(chosen.order_by(POLLS.c.at).limit(limit))
    return tuple((row.id, row.user_id) for row in rows)
