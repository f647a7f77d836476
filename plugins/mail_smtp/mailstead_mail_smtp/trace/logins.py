"""Whether somebody could log in: the same that Dovecot asks, but for the password."""

from __future__ import annotations

import sqlalchemy as sa

from mailstead_users.tables import logins, users


def why_no_login(connection: sa.Connection, login: str) -> str:
    """Give why a login would be refused whatever the password; empty when it would not be."""
    select = sa.select(logins.c.enabled, users.c.enabled, users.c.name).select_from(
        logins.join(users, users.c.id == logins.c.user_id)
    )
    row = connection.execute(select.where(logins.c.login == login)).one_or_none()
    if row is None:
        return f"there is no login {login}"
    login_enabled, user_enabled, name = row
    if not user_enabled:
        return f"the user {name} is disabled"
    return "" if login_enabled else f"the login {login} is disabled"
