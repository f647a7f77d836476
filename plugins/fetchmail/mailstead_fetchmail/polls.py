"""What became of each account's last poll, and which account is next."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs
import sqlalchemy as sa

from mailstead_fetchmail.tables import ACCOUNTS, POLLS


@attrs.frozen
class Poll:
    """An account's last poll; moments are seconds since the epoch.

    Attributes:
        at: when it began.
        succeeded: when the last one that went well began; ``None``: never.
        fetched: messages that came by it.
        error: in plain words; empty when it went well.
    """

    account_id: int
    at: float
    succeeded: float | None = None
    fetched: int = 0
    error: str = ""


@attrs.frozen
class Due:
    """An account whose turn it is.

    Attributes:
        place: server and login: where two accounts with the same one fetch from.
    """

    account_id: int
    user_id: int
    place: tuple[str, str]


def last_poll(connection: sa.Connection, number: int) -> Poll | None:
    """Give an account's last poll that ended; ``None`` when there was none."""
    row = _row(connection, number)
    if row is None or row.at is None:
        return None
    return Poll(number, row.at, row.succeeded, row.fetched, row.error)


def begin_poll(connection: sa.Connection, number: int, now: float) -> float | None:
    """Record that a poll begins; gives since when an earlier one was not finished."""
    row = _row(connection, number)
    before: float | None = row.unfinished if row else None
    if row is None:
        values = {"account_id": number, "unfinished": now, "fetched": 0, "error": ""}
        connection.execute(POLLS.insert().values(values))
    elif before is None:
        _update(connection, number, unfinished=now)
    return before


def end_poll(connection: sa.Connection, poll: Poll, *, is_finished: bool) -> None:
    """Record a poll that ended, unless its account went meanwhile.

    ``is_finished``: what was delivered is not on the server any more, or known as old there.
    """
    values: dict[str, Any] = {"at": poll.at, "fetched": poll.fetched, "error": poll.error}
    if not poll.error:
        values["succeeded"] = poll.at
    if is_finished:
        values["unfinished"] = None
    _update(connection, poll.account_id, **values)


def due_accounts(
    connection: sa.Connection,
    now: float,
    seconds: float,
    limit: int,
    *,
    busy: Collection[int] = (),
    busy_users: Collection[int] = (),
    busy_places: Collection[tuple[str, str]] = (),
) -> tuple[Due, ...]:
    """Give accounts whose turn it is, the longest waiting first.

    Those that are ``busy``, or whose owners or places are, are left out. An
    account that was changed since its last poll does not wait. One polled in what is now the
    future was so before the clock was set back.
    """
    waited = sa.or_(
        POLLS.c.at.is_(None), POLLS.c.at <= now - seconds, POLLS.c.at > now,
        POLLS.c.at < ACCOUNTS.c.changed,
    )  # fmt: skip
    waited &= ACCOUNTS.c.id.not_in(busy) & ACCOUNTS.c.user_id.not_in(busy_users)
    source = ACCOUNTS.outerjoin(POLLS, POLLS.c.account_id == ACCOUNTS.c.id)
    place = ACCOUNTS.c.server, ACCOUNTS.c.login
    waited &= sa.tuple_(*place).not_in(busy_places)
    chosen = sa.select(ACCOUNTS.c.id, ACCOUNTS.c.user_id, *place).select_from(source).where(waited)
    rows = connection.execute(chosen.order_by(POLLS.c.at, ACCOUNTS.c.id).limit(limit))
    return tuple(Due(row.id, row.user_id, (row.server, row.login)) for row in rows)


def _row(connection: sa.Connection, number: int) -> sa.Row[Any] | None:
    return connection.execute(sa.select(POLLS).where(POLLS.c.account_id == number)).one_or_none()


def _update(connection: sa.Connection, number: int, **values: Any) -> None:
    connection.execute(POLLS.update().where(POLLS.c.account_id == number).values(values))
