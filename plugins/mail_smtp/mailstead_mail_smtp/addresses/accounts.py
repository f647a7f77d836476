"""Mail accounts: immediate, in the directory. A login is the full address of an account.

Each account gets a folder of its own name and a random part, so that an address that is made
again never inherits the mail of the one before.
"""

from __future__ import annotations

import re
import secrets

import attrs
import sqlalchemy as sa

from mailstead.plugin import AlreadyExists, InvalidValue, NotFound, types
from mailstead_mail_smtp.addresses.tables import ACCOUNTS, DOMAINS
from mailstead_users.logins import register_login, remove_login
from mailstead_users.tables import users
from mailstead_users.users import find_user

# Narrower than RFC 5321: it becomes a folder's name, and "+" begins an address extension.
LOCAL_PART = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9_-])?")
MAILDIR = "/Maildir/"
GRAMMAR = types.field_type_of(types.MailAddress)


@attrs.frozen
class MailAccount:
    """A mail account; ``home`` is its folder below /var/vmail."""

    address: str
    user: str
    user_id: int
    home: str


def create_account(connection: sa.Connection, user: str, address: str) -> MailAccount:
    """Give a user an account. Raises NotFound, InvalidValue, AlreadyExists."""
    local, domain = split_address(address)
    address = f"{local}@{domain}"
    user_id = find_user(connection, user).id
    _refuse_unmanaged(connection, domain)
    _refuse_second(connection, user, user_id)
    home = f"{domain}/{local}-{secrets.token_hex(4)}"
    register_login(connection, login=address, user_id=user_id, home=home)
    values = {"local": local, "domain": domain, "user_id": user_id, "maildir": home + MAILDIR}
    connection.execute(ACCOUNTS.insert().values(address=address, **values))
    return MailAccount(address, user, user_id, home)


def delete_account(connection: sa.Connection, address: str) -> MailAccount:
    """Take an account away; its mail stays in its folder. Raises NotFound."""
    address = address.lower()
    found = find_accounts(connection, ACCOUNTS.c.address == address, limit=1)
    if not found:
        hint = "see `mailstead account list`"
        raise NotFound("no such mail account", where=f"mail account {address}", hint=hint)
    remove_login(connection, address)
    connection.execute(ACCOUNTS.delete().where(ACCOUNTS.c.address == address))
    return found[0]


def list_accounts(
    connection: sa.Connection, *, domain: str = "", after: str = "", limit: int = 100
) -> list[MailAccount]:
    """Give a page of accounts in order of address, those that come after one."""
    where = ACCOUNTS.c.address > after
    if domain:
        where = sa.and_(where, ACCOUNTS.c.domain == domain)
    return find_accounts(connection, where, limit=limit)


def count_accounts(connection: sa.Connection, domain: str) -> int:
    """Count the accounts in a domain."""
    select = sa.select(sa.func.count()).where(ACCOUNTS.c.domain == domain)
    return int(connection.execute(select).scalar_one())


def account_of(connection: sa.Connection, user_id: int) -> MailAccount | None:
    """Give a user's account."""
    found = find_accounts(connection, ACCOUNTS.c.user_id == user_id, limit=1)
    return found[0] if found else None


def find_accounts(
    connection: sa.Connection, where: sa.ColumnElement[bool], *, limit: int
) -> list[MailAccount]:
    """Give accounts in order of address."""
    columns = (ACCOUNTS.c.address, users.c.name, ACCOUNTS.c.user_id, ACCOUNTS.c.maildir)
    source = ACCOUNTS.outerjoin(users, users.c.id == ACCOUNTS.c.user_id)
    select = sa.select(*columns).select_from(source).where(where)
    rows = connection.execute(select.order_by(ACCOUNTS.c.address).limit(limit))
    return [
        MailAccount(address, name or "", user_id, maildir.removesuffix(MAILDIR))
        for address, name, user_id, maildir in rows
    ]


def split_address(address: str) -> tuple[str, str]:
    """Give local part and domain in canonical form. Raises InvalidValue."""
    try:
        local, domain = GRAMMAR.parse(address).split("@")
    except ValueError as error:
        raise _refused(str(error)) from None
    if not LOCAL_PART.fullmatch(local):
        raise _refused(f"{local!r} cannot be the name of a mailbox")
    return local, domain


def _refused(problem: str) -> InvalidValue:
    hint = "accepted: letters a-z, digits, dots, dashes and underscores, then @ and a domain"
    return InvalidValue(problem, where="account.address", hint=hint)


def _refuse_unmanaged(connection: sa.Connection, domain: str) -> None:
    found = connection.execute(sa.select(DOMAINS.c.name).where(DOMAINS.c.name == domain)).scalar()
    if found is None:
        problem = "not a managed domain, or not saved yet"
        hint = f"run `mailstead domain add {domain}` and `mailstead save`"
        raise NotFound(problem, where=f"domain {domain}", hint=hint)


def _refuse_second(connection: sa.Connection, user: str, user_id: int) -> None:
    own = account_of(connection, user_id)
    if own is not None:
        hint = f"run `mailstead account delete {own.address}` first"
        raise AlreadyExists(f"has the mail account {own.address}", where=f"user {user}", hint=hint)
