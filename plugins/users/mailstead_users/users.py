"""Users: each operation is one transaction and takes effect at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from sqlalchemy import Connection, Row, delete, insert, select, update

from mailstead.plugin import AlreadyExists, Context, MailsteadError, types
from mailstead_users import hooks, tables
from mailstead_users.directory import Directory
from mailstead_users.grammar import COMMENT, PERSON, canonical, parse, parse_name
from mailstead_users.groups import Group, groups_of
from mailstead_users.hookspecs import GroupChange, UserChange
from mailstead_users.passwords import Passwords
from mailstead_users.queries import PUBLIC, Page, page_of, row_of, select_users

NAME = "user.name"
SEARCHED = ("name", "first_name", "last_name", "comment")
TEXTS = {"first_name": PERSON, "last_name": PERSON, "comment": COMMENT}


@attrs.frozen
class User:
    """A user as others may see it.

    Attributes:
        uuid: never given again, unlike ``name``.
        created: UTC, as 2026-05-17T08:30:00Z.
    """

    id: int
    uuid: str
    name: str
    first_name: str
    last_name: str
    comment: str
    enabled: bool
    created: str


@attrs.frozen
class Outcome:
    """What an operation came to: the user, and what the modules have to say."""

    user: User
    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@attrs.frozen
class Users:
    """The service for users of one directory."""

    directory: Directory
    context: Context
    passwords: Passwords

    def add_user(
        self,
        name: str,
        password: types.Secret,
        *,
        first_name: str = "",
        last_name: str = "",
        comment: str = "",
    ) -> Outcome:
        """Add a user. Raises InvalidValue, AlreadyExists."""
        given = {"first_name": first_name, "last_name": last_name, "comment": comment}
        values = {"name": parse_name(name, NAME), **_texts(given)}
        # Hashed before the transaction: it takes long, and other writers would wait for it.
        values["password"] = self.passwords.hash(password)
        with self.directory.write() as connection:
            user = _insert(connection, values)
            return self._welcome(self._change(connection, user))

    def change_user(
        self,
        name: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        comment: str | None = None,
        enabled: bool | None = None,
    ) -> Outcome:
        """Change what is given. Raises InvalidValue, NotFound."""
        given = {"first_name": first_name, "last_name": last_name, "comment": comment}
        values: dict[str, Any] = _texts(given)
        if enabled is not None:
            values["enabled"] = enabled
        with self.directory.write() as connection:
            before = find_user(connection, name)
            fields = {key: value for key, value in values.items() if getattr(before, key) != value}
            if not fields:
                return Outcome(before)
            old = {key: getattr(before, key) for key in fields}
            return self._update(connection, before, fields, old)

    def set_password(self, name: str, password: types.Secret) -> Outcome:
        """Set a user's password. Raises InvalidValue, NotFound."""
        stored = self.passwords.hash(password)
        with self.directory.write() as connection:
            user = find_user(connection, name)
            return self._update(connection, user, {"password": stored}, {"password": ""})

    def check_password(self, name: str, password: types.Secret) -> bool:
        """Tell whether an enabled user has this password."""
        table = tables.users
        wanted = select(table.c.password).where(table.c.name == name, table.c.enabled)
        with self.directory.read() as connection:
            stored = connection.execute(wanted).scalar_one_or_none()
        return stored is not None and self.passwords.verify(stored, password)

    def warnings(self, name: str) -> tuple[str, ...]:
        """Ask the modules what is lost with a user. Raises NotFound."""
        with self.directory.read() as connection:
            user = find_user(connection, name)
            return hooks.ask_user_warnings(self._change(connection, user))

    def delete_user(self, name: str) -> Outcome:
        """Delete a user, the logins and memberships. Raises NotFound; an error keeps all."""
        with self.directory.write() as connection:
            user = find_user(connection, name)
            change = self._change(connection, user)
            groups = groups_of(connection, user.id)
            messages = hooks.tell_user_deleting(change)
            connection.execute(delete(tables.users).where(tables.users.c.id == user.id))
            messages += hooks.tell_user_deleted(change)
            return Outcome(user, messages + self._leave(connection, user, groups))

    def get_user(self, name: str) -> User:
        """Give a user by name. Raises NotFound."""
        with self.directory.read() as connection:
            return find_user(connection, name)

    def list_users(self, page: Page | None = None) -> tuple[User, ...]:
        """Give a page of users in order of name."""
        chosen = page_of(select_users(), tables.users, page or Page(), SEARCHED)
        with self.directory.read() as connection:
            return tuple(_user(row) for row in connection.execute(chosen))

    def _welcome(self, change: UserChange) -> Outcome:
        """Let the modules follow; when one fails, undo what they did and keep the user."""
        try:
            with change.connection.begin_nested():
                return Outcome(change.user, hooks.tell_user_created(change))
        except MailsteadError as error:
            return Outcome(change.user, warnings=(str(error),))

    def _update(
        self, connection: Connection, user: User, values: dict[str, Any], old: dict[str, Any]
    ) -> Outcome:
        table = tables.users
        connection.execute(update(table).where(table.c.id == user.id).values(values))
        now = find_user(connection, user.name)
        return Outcome(now, hooks.tell_user_changed(self._change(connection, now, old)))

    def _leave(
        self, connection: Connection, user: User, groups: Iterable[Group]
    ) -> tuple[str, ...]:
        messages: tuple[str, ...] = ()
        for group in groups:
            gone = {"removed": user.name}
            change = GroupChange(self.directory, connection, self.context, group, gone)
            messages += hooks.tell_group_changed(change)
        return messages

    def _change(
        self, connection: Connection, user: User, details: Mapping[str, Any] | None = None
    ) -> UserChange:
        return UserChange(self.directory, connection, self.context, user, details or {})


def find_user(connection: Connection, name: str) -> User:
    """Give a user by name, within a transaction. Raises NotFound."""
    chosen = select_users().where(tables.users.c.name == canonical(name))
    return _user(row_of(connection, chosen, "user", name))


def _insert(connection: Connection, values: Mapping[str, Any]) -> User:
    table = tables.users
    name = values["name"]
    if connection.execute(select(table.c.id).where(table.c.name == name)).first():
        hint = f"choose another name; see `mailstead user show {name}`"
        raise AlreadyExists(f"the user {name!r} exists already", where=NAME, hint=hint)
    made = insert(table).values(uuid=tables.new_uuid(), **values).returning(*PUBLIC)
    return _user(connection.execute(made).one())


def _user(row: Row[Any]) -> User:
    return User(**{**row._mapping, "created": f"{row.created:%Y-%m-%dT%H:%M:%SZ}"})


def _texts(given: Mapping[str, str | None]) -> dict[str, str]:
    return {
        key: parse(TEXTS[key], value, f"user.{key}")
        for key, value in given.items()
        if value is not None
    }
