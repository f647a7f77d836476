"""Logins: the names under which users authenticate. Other modules register and remove them."""

from __future__ import annotations

import sqlalchemy as sa

from mailstead.plugin import AlreadyExists
from mailstead_users.tables import LOGINS


def register_login(connection: sa.Connection, *, login: str, user_id: int, home: str) -> None:
    """Let a user authenticate under a name.

    Args:
        connection: the transaction under way.
        login: a full mail address, in its one form.
        user_id: `mailstead_users.users.User.id`.
        home: folder of the user's data, as the IMAP server's module wants it.

    Raises AlreadyExists.
    """
    if connection.execute(sa.select(LOGINS.c.login).filter_by(login=login)).first():
        raise AlreadyExists(f"{login} is a login already", where="login", hint="choose another")
    values = {"login": login, "user_id": user_id, "home": home}
    connection.execute(LOGINS.insert().values(values))


def remove_login(connection: sa.Connection, login: str) -> None:
    """Take a login away; one that is gone already is no error."""
    connection.execute(LOGINS.delete().filter_by(login=login))
