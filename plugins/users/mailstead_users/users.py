"""Users: add, change, delete, list. Everything takes effect at once, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import sqlalchemy as sa

from mailstead.plugin import AlreadyExists, Context, NotFound
from mailstead_users import hooks
from mailstead_users.directory import Directory
from mailstead_users.entry import TEXTS, name_of, text_of
from mailstead_users.hookspecs import UserChange
from mailstead_users.passwords import hash_password
from mailstead_users.settings import PasswordPolicy
from mailstead_users.tables import USERS

PAGE = 200


@attrs.frozen
class User:
    """A user, without the password's hash. ``created`` is seconds since the epoch."""

    id: int
    name: str
    first_name: str
    last_name: str
    comment: str
    enabled: bool
    created: float


@attrs.frozen
class Outcome:
    """What a change did: the user, what other modules say, and what they could not do."""

    user: User
    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@attrs.frozen
class Users:
    """The users of a directory, changed under the running settings."""

    directory: Directory
    context: Context

    def add(self, name: str, password: str, *, now: float, **texts: str) -> Outcome:
        """Add a user.

        Args:
            name: `mailstead_users.entry.name_of` says what is accepted.
            password: in the clear; only its hash is kept.
            now: seconds since the epoch.
            texts: first_name, last_name, comment.

        Raises InvalidValue, AlreadyExists. A module that cannot follow becomes a warning.
        """
        checked = name_of(name, "user.name")
        values = {"name": checked, "created": now, **_texts(texts)}
        values["password"] = self._hash(password)
        with self.directory.begin() as connection:
            if _find(connection, checked) is not None:
                hint = "choose another name"
                raise AlreadyExists(f"the user {checked} exists", where="user.name", hint=hint)
            connection.execute(USERS.insert().values(values))
            change = self._change(connection, checked)
            messages, warnings = hooks.user_created(change)
        return Outcome(change.user, messages, warnings)

    def change(
        self, name: str, *, password: str | None = None, enabled: bool | None = None, **texts: str
    ) -> Outcome:
        """Change what is given. Raises NotFound, InvalidValue."""
        values: dict[str, object] = dict(_texts(texts))
        if password is not None:
            values["password"] = self._hash(password)
        if enabled is not None:
            values["enabled"] = int(enabled)
        with self.directory.begin() as connection:
            user = _require(connection, name)
            if values:
                connection.execute(USERS.update().where(USERS.c.id == user.id).values(values))
            change = self._change(connection, user.name)
            messages = hooks.user_changed(change)
        return Outcome(change.user, messages)

    def warnings(self, name: str) -> tuple[str, ...]:
        """Ask what goes with a user. Raises NotFound."""
        with self.directory.begin() as connection:
            return hooks.user_warnings(self._change(connection, name))

    def delete(self, name: str) -> Outcome:
        """Delete a user and what modules keep for them. Raises NotFound."""
        with self.directory.begin() as connection:
            change = self._change(connection, name)
            messages = hooks.user_deleted(change)
            connection.execute(USERS.delete().where(USERS.c.id == change.user.id))
        return Outcome(change.user, messages)

    def get(self, name: str) -> User:
        """Give a user. Raises NotFound."""
        with self.directory.begin() as connection:
            return _require(connection, name)

    def page(self, *, after: str = "", search: str = "", limit: int = PAGE) -> tuple[User, ...]:
        """List users by name: those after a name, with a text in one of their fields."""
        select = sa.select(USERS).where(USERS.c.name > after).order_by(USERS.c.name).limit(limit)
        if search:
            columns = (USERS.c.name, USERS.c.first_name, USERS.c.last_name, USERS.c.comment)
            found = (column.contains(search, autoescape=True) for column in columns)
            select = select.where(sa.or_(*found))
        with self.directory.begin() as connection:
            return tuple(map(_user, connection.execute(select).mappings()))

    def all(self, *, search: str = "") -> Iterator[User]:
        """Stream all users, page by page."""
        after = ""
        while page := self.page(after=after, search=search):
            yield from page
            after = page[-1].name

    def _hash(self, password: str) -> str:
        policy = self.context.settings.form(PasswordPolicy)
        return hash_password(password, policy.minimum_length)

    def _change(self, connection: sa.Connection, name: str) -> UserChange:
        return UserChange(connection, self.context, _require(connection, name))


def find_user(connection: sa.Connection, name: str) -> User:
    """Give a user within a transaction, for other modules. Raises NotFound."""
    return _require(connection, name)


def _find(connection: sa.Connection, name: str) -> User | None:
    select = sa.select(USERS).where(USERS.c.name == name.lower())
    row = connection.execute(select).mappings().first()
    return _user(row) if row else None


def _require(connection: sa.Connection, name: str) -> User:
    user = _find(connection, name)
    if user is None:
        hint = "see `mailstead user list`"
        raise NotFound(f"there is no user {name[:80]!r}", where="user.name", hint=hint)
    return user


def _user(row: Mapping[str, Any] | sa.RowMapping) -> User:
    fields = {item.name: row[item.name] for item in attrs.fields(User)}
    return User(**{**fields, "enabled": bool(fields["enabled"])})


def _texts(texts: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(set(texts) - set(TEXTS))
    if unknown:
        raise TypeError(f"a user has no {unknown[0]}")
    return {name: text_of(value, f"user.{name}") for name, value in texts.items()}
