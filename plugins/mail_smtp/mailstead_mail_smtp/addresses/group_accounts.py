"""The accounts of the members of each group that has an alias, kept in step with membership.

A copy, because Postfix may not read the file that membership is in: it holds password hashes.
Each change writes as many rows as it is about.
"""

from __future__ import annotations

import sqlalchemy as sa

from mailstead_mail_smtp.addresses.tables import ACCOUNTS, ALIASES, GROUP_ACCOUNTS
from mailstead_users.tables import memberships


def group_came(connection: sa.Connection, group_id: int) -> int:
    """Copy a group's accounts, now that it has an alias; gives how many there are."""
    _copy(connection, memberships.c.group_id == group_id)
    count = sa.select(sa.func.count()).where(GROUP_ACCOUNTS.c.group_id == group_id)
    return int(connection.execute(count).scalar_one())


def group_went(connection: sa.Connection, group_id: int) -> None:
    """Forget a group's accounts, now that it has no alias."""
    connection.execute(GROUP_ACCOUNTS.delete().where(GROUP_ACCOUNTS.c.group_id == group_id))


def account_came(connection: sa.Connection, user_id: int) -> None:
    """Add a new account to its user's groups."""
    has_alias = sa.select(ALIASES.c.group_id).where(ALIASES.c.group_id == memberships.c.group_id)
    _copy(connection, memberships.c.user_id == user_id, has_alias.exists())


def account_went(connection: sa.Connection, account: str) -> None:
    """Take an account out of all groups."""
    connection.execute(GROUP_ACCOUNTS.delete().where(GROUP_ACCOUNTS.c.account == account))


def member_came(connection: sa.Connection, group_id: int, user_id: int) -> None:
    """Add a new member's account."""
    _copy(connection, memberships.c.group_id == group_id, memberships.c.user_id == user_id)


def member_went(connection: sa.Connection, group_id: int, user_id: int) -> None:
    """Take away the account of who is no longer a member."""
    account = sa.select(ACCOUNTS.c.address).where(ACCOUNTS.c.user_id == user_id)
    where = (GROUP_ACCOUNTS.c.group_id == group_id, GROUP_ACCOUNTS.c.account.in_(account))
    connection.execute(GROUP_ACCOUNTS.delete().where(*where))


def has_alias(connection: sa.Connection, group_id: int) -> bool:
    """Tell whether a group has an alias."""
    select = sa.select(ALIASES.c.address).where(ALIASES.c.group_id == group_id).limit(1)
    return connection.execute(select).first() is not None


def _copy(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> None:
    members = sa.select(memberships.c.group_id, ACCOUNTS.c.address).join(
        ACCOUNTS, ACCOUNTS.c.user_id == memberships.c.user_id
    )
    missing = sa.select(GROUP_ACCOUNTS.c.account).where(
        GROUP_ACCOUNTS.c.group_id == memberships.c.group_id,
        GROUP_ACCOUNTS.c.account == ACCOUNTS.c.address,
    )
    columns = [GROUP_ACCOUNTS.c.group_id, GROUP_ACCOUNTS.c.account]
    chosen = members.where(*where, ~missing.exists())
    connection.execute(GROUP_ACCOUNTS.insert().from_select(columns, chosen))
