"""Logins: the names under which users authenticate and receive; see also `lookups`.

Functions over the connection of a running transaction, for other modules' hooks.
"""

from __future__ import annotations

import attrs
from sqlalchemy import Connection, delete, insert, select, update

from mailstead.plugin import AlreadyExists, NotFound
from mailstead_users import tables
from mailstead_users.grammar import ADDRESS, HOME, parse

WHERE = "login.address"


@attrs.frozen
class Login:
    """A name to log in by: a full mail address, lower-case, and the user's mail home.

    ``quota`` is in bytes; ``None``: what holds for all, 0: no limit.
    """

    login: str
    user_id: int
    home: str
    enabled: bool = True
    quota: int | None = None


def register_login(connection: Connection, login: str, user_id: int, home: str) -> Login:
    """Give a user a login. Raises InvalidValue, AlreadyExists.

    Args:
        connection: of the running transaction.
        login: a full mail address.
        user_id: whose it is.
        home: folder of the mail, below the one for all mail.
    """
    made = Login(parse(ADDRESS, login, WHERE), user_id, parse(HOME, home, "login.home"))
    if find_login(connection, made.login) is not None:
        raise AlreadyExists(f"the login {made.login} exists already", where=WHERE)
    connection.execute(insert(tables.logins).values(attrs.asdict(made)))
    return made


def remove_login(connection: Connection, login: str) -> None:
    """Take a login away. Raises NotFound."""
    table = tables.logins
    name = parse(ADDRESS, login, WHERE)
    if connection.execute(delete(table).where(table.c.login == name)).rowcount != 1:
        raise NotFound(f"there is no login {name}", where=WHERE)


def change_login(connection: Connection, login: str, **values: bool | int | None) -> None:
    """Set ``enabled`` or ``quota`` of a login. Raises NotFound."""
    table = tables.logins
    name = parse(ADDRESS, login, WHERE)
    changed = update(table).where(table.c.login == name).values(**values)
    if connection.execute(changed).rowcount != 1:
        raise NotFound(f"there is no login {name}", where=WHERE)


def find_login(connection: Connection, login: str) -> Login | None:
    """Give a login by its canonical address."""
    table = tables.logins
    row = connection.execute(select(table).where(table.c.login == login)).one_or_none()
    return None if row is None else Login(**row._mapping)


def logins_of(connection: Connection, user_id: int) -> tuple[Login, ...]:
    """Give a user's logins in order."""
    table = tables.logins
    chosen = select(table).where(table.c.user_id == user_id).order_by(table.c.login)
    return tuple(Login(**row._mapping) for row in connection.execute(chosen))
