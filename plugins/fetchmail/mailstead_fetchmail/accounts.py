"""External accounts: immediate, in the directory. Each belongs to a user, who may have several.

The command line and the user corner call these; ``owner`` given to one that is about a number
makes it a user's own: another's account is not found. ``now`` is asked for in the transaction
that writes: a poll that is begun in another one is by its date before or after the change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs
import sqlalchemy as sa

from mailstead.plugin import AlreadyExists, InvalidValue, NotFound, types
from mailstead_fetchmail import grammar
from mailstead_fetchmail.sealing import seal
from mailstead_fetchmail.tables import ACCOUNTS, POLLS
from mailstead_users.tables import users
from mailstead_users.users import find_user

MOST = 20  # of one user
COLUMNS = tuple(column for column in ACCOUNTS.c if column.name != "password")


@attrs.frozen
class ExternalAccount:
    """An account on another server; its password is only read to poll it.

    Attributes:
        id: its number, which no other gets when it goes.
        user: name of its owner.
        login: the account's name there.
        protocol: ``imap``, ``imaps``, ``pop3`` or ``pop3s``.
        keep: mail stays there when it was fetched.
        fetch_read: mail that was read there is fetched as well; with POP3 all is.
        verify_tls: TLS with a verified certificate, or nothing is fetched.
        changed: seconds since the epoch.
    """

    id: int
    user: str
    user_id: int
    login: str
    server: str
    protocol: str
    port: int
    keep: bool
    fetch_read: bool
    verify_tls: bool
    changed: float

    @property
    def title(self) -> str:
        """Name it for people."""
        return f"{self.login} at {self.server}"


@attrs.frozen
class Choices:
    """What is given for an account; ``None``: as it is, or its default."""

    login: str | None = None
    server: str | None = None
    protocol: str | None = None
    port: int | None = None
    keep: bool | None = None
    fetch_read: bool | None = None
    verify_tls: bool | None = None


def add_account(
    connection: sa.Connection,
    key: bytes,
    owner: str,
    password: types.Secret,
    choices: Choices,
    now: float,
) -> ExternalAccount:
    """Give a user an external account. Raises NotFound, InvalidValue, AlreadyExists."""
    sealed = seal(key, grammar.parse_password(password))
    values = {**proposed(connection, owner, choices), "password": sealed, "changed": now}
    made = ACCOUNTS.insert().values(values).returning(ACCOUNTS.c.id)
    return get_account(connection, connection.execute(made).scalar_one())


def proposed(connection: sa.Connection, owner: str, choices: Choices) -> Mapping[str, Any]:
    """Give what a new account would be, but for its password; nothing is stored.

    Raises NotFound, InvalidValue, AlreadyExists.
    """
    user_id = find_user(connection, owner).id
    values = _parsed(choices)
    for name in ("login", "server", "protocol"):
        if name not in values:
            raise InvalidValue("is missing", where=f"{grammar.WHERE}.{name}")
    default = {"port": grammar.PORTS[values["protocol"]], "keep": False, "fetch_read": False}
    values = {**default, "verify_tls": True, **values, "user_id": user_id}
    _refuse_too_many(connection, owner, user_id)
    _refuse(connection, values)
    return values


def change_account(
    connection: sa.Connection, number: int, choices: Choices, now: float, *, owner: str = ""
) -> ExternalAccount:
    """Change what is given. Raises NotFound, InvalidValue, AlreadyExists.

    With another protocol and no port given, the port is that protocol's.
    """
    before = get_account(connection, number, owner=owner)
    values = _parsed(choices)
    if values.get("protocol", before.protocol) != before.protocol and "port" not in values:
        values["port"] = grammar.PORTS[values["protocol"]]
    values["changed"] = now
    _refuse(connection, {**attrs.asdict(before), **values}, number)
    connection.execute(ACCOUNTS.update().where(ACCOUNTS.c.id == number).values(values))
    return get_account(connection, number)


def set_password(
    connection: sa.Connection,
    key: bytes,
    number: int,
    password: types.Secret,
    now: float,
    *,
    owner: str = "",
) -> ExternalAccount:
    """Set an account's password. Raises NotFound, InvalidValue."""
    get_account(connection, number, owner=owner)
    values = {"password": seal(key, grammar.parse_password(password)), "changed": now}
    connection.execute(ACCOUNTS.update().where(ACCOUNTS.c.id == number).values(values))
    return get_account(connection, number)


def remove_account(connection: sa.Connection, number: int, *, owner: str = "") -> ExternalAccount:
    """Forget an account; its mail here and there stays. Raises NotFound."""
    found = get_account(connection, number, owner=owner)
    _remove(connection, ACCOUNTS.c.id == number)
    return found


def remove_accounts_of(connection: sa.Connection, user_id: int) -> None:
    """Forget all accounts of a user."""
    _remove(connection, ACCOUNTS.c.user_id == user_id)


def get_account(connection: sa.Connection, number: int, *, owner: str = "") -> ExternalAccount:
    """Give an account by its number. Raises NotFound."""
    where = ACCOUNTS.c.id == number
    if owner:
        where &= ACCOUNTS.c.user_id == find_user(connection, owner).id
    found = _find(connection, where)
    if not found:
        hint = "see `mailstead external list`"
        problem = f"there is no external account {number}"
        raise NotFound(problem, where=f"{grammar.WHERE}.number", hint=hint)
    return found[0]


def accounts_of(connection: sa.Connection, owner: str) -> tuple[ExternalAccount, ...]:
    """Give a user's accounts in order of their numbers. Raises NotFound."""
    return _find(connection, ACCOUNTS.c.user_id == find_user(connection, owner).id)


def list_accounts(
    connection: sa.Connection, *, after: int = 0, limit: int = 100
) -> tuple[ExternalAccount, ...]:
    """Give a page of all accounts in order of their numbers."""
    return _find(connection, ACCOUNTS.c.id > after, limit)


def changes_of(connection: sa.Connection, numbers: Collection[int]) -> dict[int, float]:
    """Give when accounts were changed, by their numbers; those that went are left out."""
    chosen = sa.select(ACCOUNTS.c.id, ACCOUNTS.c.changed).where(ACCOUNTS.c.id.in_(numbers))
    return {row.id: row.changed for row in connection.execute(chosen)}


def sealed_password(connection: sa.Connection, number: int) -> str:
    """Give the encrypted password of an account that exists."""
    chosen = sa.select(ACCOUNTS.c.password).where(ACCOUNTS.c.id == number)
    return str(connection.execute(chosen).scalar_one())


def _find(
    connection: sa.Connection, where: sa.ColumnElement[bool], limit: int | None = None
) -> tuple[ExternalAccount, ...]:
    owner = users.c.name.label("user")
    source = ACCOUNTS.join(users, users.c.id == ACCOUNTS.c.user_id)
    chosen = sa.select(owner, *COLUMNS).select_from(source).where(where)
    rows = connection.execute(chosen.order_by(ACCOUNTS.c.id).limit(limit))
    return tuple(ExternalAccount(**row._mapping) for row in rows)


def _remove(connection: sa.Connection, where: sa.ColumnElement[bool]) -> None:
    gone = sa.select(ACCOUNTS.c.id).where(where)
    connection.execute(POLLS.delete().where(POLLS.c.account_id.in_(gone)))
    connection.execute(ACCOUNTS.delete().where(where))


def _parsed(choices: Choices) -> dict[str, Any]:
    """Read what is given. Raises InvalidValue."""
    readers = {
        "login": grammar.parse_login, "server": grammar.parse_server,
        "protocol": grammar.parse_protocol, "port": grammar.parse_port,
    }  # fmt: skip
    given = {name: value for name, value in attrs.asdict(choices).items() if value is not None}
    return {name: readers.get(name, bool)(value) for name, value in given.items()}


def _refuse(connection: sa.Connection, values: Mapping[str, Any], number: int = 0) -> None:
    """Raise what is wrong with an account as a whole."""
    if values["keep"] and values["fetch_read"]:
        hint = "keep mail there and fetch what is new, or remove it there and fetch all"
        problem = "what is kept and fetched although it was read would come at every poll"
        raise InvalidValue(problem, where=f"{grammar.WHERE}.fetch_read", hint=hint)
    if values["verify_tls"] and grammar.is_address(values["server"]):
        hint = "give its name, or do without verified TLS"
        problem = "a certificate is for a name, so that of an address cannot be verified"
        raise InvalidValue(problem, where=f"{grammar.WHERE}.server", hint=hint)
    same = sa.and_(
        *(ACCOUNTS.c[name] == values[name] for name in ("user_id", "server", "login")),
        ACCOUNTS.c.id != number,
    )
    if found := _find(connection, same):
        hint = f"change it: `mailstead external set {found[0].id}`"
        problem = f"{found[0].title} is fetched from already"
        raise AlreadyExists(problem, where=f"{grammar.WHERE}.login", hint=hint)


def _refuse_too_many(connection: sa.Connection, owner: str, user_id: int) -> None:
    chosen = sa.select(sa.func.count()).where(ACCOUNTS.c.user_id == user_id)
    if connection.execute(chosen).scalar_one() >= MOST:
        problem = f"{owner} has {MOST} external accounts already"
        raise InvalidValue(problem, where=f"{grammar.WHERE}.owner", hint="remove one first")
