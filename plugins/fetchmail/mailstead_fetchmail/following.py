"""What becomes of external accounts when users go: the hooks of mailstead_users."""

from __future__ import annotations

import sqlalchemy as sa

from mailstead_fetchmail.accounts import remove_accounts_of
from mailstead_fetchmail.places import DATABASE
from mailstead_fetchmail.tables import ACCOUNTS, METADATA, SCHEMA, VERSION
from mailstead_users.hookspecs import UserChange
from mailstead_users.schemas import SchemaFile


def schemas() -> list[SchemaFile]:
    """Give the schema this module keeps in the directory."""
    return [SchemaFile(SCHEMA, DATABASE, METADATA, VERSION)]


def warn(change: UserChange) -> list[str]:
    """Tell which external accounts go with a user."""
    table = ACCOUNTS.c
    chosen = sa.select(table.login, table.server).where(table.user_id == change.user.id)
    rows = change.connection.execute(chosen.order_by(table.id))
    return [f"mail is fetched from {row.login} at {row.server}" for row in rows]


def follow_deleting(change: UserChange) -> None:
    """Forget the external accounts of a user who goes."""
    remove_accounts_of(change.connection, change.user.id)
