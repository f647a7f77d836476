"""Mail accounts: immediate, in the directory. A login is the full address of an account.

Each account gets a folder of its own name and a random part, so that an address that is made
again never inherits the mail of the one before.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from mailstead.plugin import AlreadyExists, NotFound
from mailstead_mail_smtp.addresses import group_accounts, room
from mailstead_mail_smtp.addresses.managed import canonical_address, known_as, refuse_taken
from mailstead_mail_smtp.addresses.paging import holds, order_of, page_of
from mailstead_mail_smtp.addresses.tables import ACCOUNTS, ALIASES, DOMAINS
from mailstead_users.logins import change_login, register_login, remove_login
from mailstead_users.tables import logins, users
from mailstead_users.users import find_user

MAILDIR = "/Maildir/"
ADDRESS = "account.address"


@attrs.frozen
class MailAccount:
    """A mail account.

    Attributes:
        home: its folder below /var/vmail.
        quota: bytes; ``None``: what holds for all, 0: no limit.
        may_log_in: false while it is suspended.
        refuses_mail: true while it is suspended and closed to new mail as well.
        is_managed: false while its domain is not one of ours; it gets no mail then.
        aliases: how many there are for it alone.
        user_enabled: false while its user may not log in anywhere.
    """

    address: str
    user: str
    user_id: int
    home: str
    quota: int | None = None
    may_log_in: bool = True
    refuses_mail: bool = False
    is_managed: bool = True
    aliases: int = 0
    user_enabled: bool = True


def create_account(connection: sa.Connection, user: str, address: str) -> MailAccount:
    """Give a user an account. Raises NotFound, InvalidValue, AlreadyExists."""
    local, domain = canonical_address(connection, address, ADDRESS)
    address = f"{local}@{domain}"
    user_id = find_user(connection, user).id
    _refuse_second(connection, user, user_id)
    refuse_taken(connection, address, ADDRESS)
    home = f"{domain}/{local}-{secrets.token_hex(4)}"
    register_login(connection, login=address, user_id=user_id, home=home)
    values = {"local": local, "domain": domain, "user_id": user_id, "maildir": home + MAILDIR}
    connection.execute(ACCOUNTS.insert().values(address=address, **values))
    group_accounts.account_came(connection, user_id)
    return MailAccount(address, user, user_id, home)


def delete_account(connection: sa.Connection, address: str) -> MailAccount:
    """Take an account and its aliases away; its mail stays in its folder. Raises NotFound."""
    found = get_account(connection, address)
    connection.execute(ALIASES.delete().where(ALIASES.c.account == found.address))
    group_accounts.account_went(connection, found.address)
    room.forget(connection, found.address)
    remove_login(connection, found.address)
    connection.execute(ACCOUNTS.delete().where(ACCOUNTS.c.address == found.address))
    return found


def set_quota(connection: sa.Connection, address: str, quota: int | None) -> MailAccount:
    """Set how much an account may hold, in bytes; see `MailAccount`. Raises NotFound."""
    found = get_account(connection, address)
    change_login(connection, found.address, quota=quota)
    room.forget(connection, found.address)
    return attrs.evolve(found, quota=quota)


def suspend(connection: sa.Connection, address: str, *, refuse_mail: bool) -> MailAccount:
    """Let nobody log in to an account; take mail for it, or refuse it. Raises NotFound."""
    return _close(connection, address, may_log_in=False, refuses_mail=refuse_mail)


def resume(connection: sa.Connection, address: str) -> MailAccount:
    """Undo `suspend`. Raises NotFound."""
    return _close(connection, address, may_log_in=True, refuses_mail=False)


def get_account(connection: sa.Connection, address: str) -> MailAccount:
    """Give an account by its address. Raises InvalidValue, NotFound."""
    address = known_as(connection, address, ADDRESS)
    found = find_accounts(connection, ACCOUNTS.c.address == address, limit=1)
    if not found:
        hint = "see `mailstead account list`"
        raise NotFound("no such mail account", where=f"mail account {address}", hint=hint)
    return found[0]


def list_accounts(
    connection: sa.Connection,
    *,
    domain: str = "",
    search: str = "",
    after: str = "",
    limit: int = 100,
) -> list[MailAccount]:
    """Give a page of accounts in order of address, those that come after one.

    ``search`` is a part of the address or of the user's name.
    """
    where = page_of(ACCOUNTS, domain, after)
    if search:
        named = sa.select(users.c.id).where(holds([users.c.name], search))
        found = sa.or_(holds([ACCOUNTS.c.address], search), ACCOUNTS.c.user_id.in_(named))
        where = sa.and_(where, found)
    return find_accounts(connection, where, limit=limit, domain=domain)


def count_accounts(connection: sa.Connection, domain: str) -> int:
    """Count the accounts in a domain."""
    select = sa.select(sa.func.count()).where(ACCOUNTS.c.domain == domain)
    return int(connection.execute(select).scalar_one())


def unmanaged_domains(connection: sa.Connection) -> dict[str, int]:
    """Count the accounts in each domain that is not managed; they get no mail."""
    managed = sa.select(DOMAINS.c.name).where(DOMAINS.c.name == ACCOUNTS.c.domain).exists()
    select = sa.select(ACCOUNTS.c.domain, sa.func.count()).where(~managed)
    rows = connection.execute(select.group_by(ACCOUNTS.c.domain).order_by(ACCOUNTS.c.domain))
    return {str(domain): int(count) for domain, count in rows}


def account_of(connection: sa.Connection, user_id: int) -> MailAccount | None:
    """Give a user's account."""
    found = find_accounts(connection, ACCOUNTS.c.user_id == user_id, limit=1)
    return found[0] if found else None


def find_accounts(
    connection: sa.Connection, where: sa.ColumnElement[bool], *, limit: int, domain: str = ""
) -> list[MailAccount]:
    """Give accounts in order of address; name the domain when they are of one."""
    own_aliases = sa.select(sa.func.count()).where(ALIASES.c.account == ACCOUNTS.c.address)
    columns = (
        ACCOUNTS.c.address, users.c.name, ACCOUNTS.c.user_id, ACCOUNTS.c.maildir, logins.c.quota,
        logins.c.enabled, ACCOUNTS.c.refuses_mail, DOMAINS.c.name, own_aliases.scalar_subquery(),
        users.c.enabled,
    )  # fmt: skip
    source = (
        ACCOUNTS.outerjoin(users, users.c.id == ACCOUNTS.c.user_id)
        .outerjoin(logins, logins.c.login == ACCOUNTS.c.address)
        .outerjoin(DOMAINS, DOMAINS.c.name == ACCOUNTS.c.domain)
    )
    select = sa.select(*columns).select_from(source).where(where)
    rows = connection.execute(select.order_by(*order_of(ACCOUNTS, domain)).limit(limit))
    return [_account(row) for row in rows]


def _account(row: Sequence[Any]) -> MailAccount:
    address, user, user_id, maildir, quota, enabled, refuses_mail, domain, *more = row
    home = maildir.removesuffix(MAILDIR)
    state = (bool(enabled), refuses_mail, domain is not None)
    aliases, user_enabled = more
    return MailAccount(
        address, user or "", user_id, home, quota, *state, aliases, bool(user_enabled)
    )  # fmt: skip


def _close(
    connection: sa.Connection, address: str, *, may_log_in: bool, refuses_mail: bool
) -> MailAccount:
    found = get_account(connection, address)
    change_login(connection, found.address, enabled=may_log_in)
    changed = ACCOUNTS.update().where(ACCOUNTS.c.address == found.address)
    connection.execute(changed.values(refuses_mail=refuses_mail))
    room.forget(connection, found.address)
    return attrs.evolve(found, may_log_in=may_log_in, refuses_mail=refuses_mail)


def _refuse_second(connection: sa.Connection, user: str, user_id: int) -> None:
    own = account_of(connection, user_id)
    if own is not None:
        hint = f"run `mailstead account delete {own.address}` first"
        raise AlreadyExists(f"has the mail account {own.address}", where=f"user {user}", hint=hint)
