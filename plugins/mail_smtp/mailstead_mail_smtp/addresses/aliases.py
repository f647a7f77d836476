"""Aliases: further names for one account, for a group's accounts, or for an address elsewhere.

The target is never an alias, so that aliases cannot run in circles. An alias is no login.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import attrs
import sqlalchemy as sa

from mailstead.plugin import InvalidValue, NotFound
from mailstead_mail_smtp.addresses import group_accounts
from mailstead_mail_smtp.addresses.accounts import find_accounts
from mailstead_mail_smtp.addresses.grammar import parse_target
from mailstead_mail_smtp.addresses.managed import (
    canonical_address,
    known_as,
    real_domain,
    refuse_taken,
)
from mailstead_mail_smtp.addresses.paging import holds, order_of, page_of
from mailstead_mail_smtp.addresses.tables import ACCOUNTS, ALIASES, DOMAINS, GROUP_ACCOUNTS
from mailstead_users.groups import find_group
from mailstead_users.tables import groups

Kind = Literal["account", "group", "external"]
ADDRESS = "alias.address"


@attrs.frozen
class Alias:
    """An alias.

    Attributes:
        target: address of the account, name of the group, or address elsewhere.
        reaches: to how many addresses its mail goes now; with none it does not exist for
            whoever sends.
    """

    address: str
    kind: Kind
    target: str
    reaches: int


def alias_account(connection: sa.Connection, address: str, account: str) -> Alias:
    """Give an account another name. Raises InvalidValue, NotFound, AlreadyExists."""
    target = known_as(connection, account, "alias.account")
    if not find_accounts(connection, ACCOUNTS.c.address == target, limit=1):
        raise _no_account(connection, target)
    return _create(connection, address, account=target)


def alias_group(connection: sa.Connection, address: str, group: str) -> Alias:
    """Give the accounts of a group's members one name.

    Raises InvalidValue, also when no member has an account, NotFound, AlreadyExists.
    """
    found = find_group(connection, group)
    if group_accounts.group_came(connection, found.id) == 0:
        problem = f"no member of the group {found.name} has a mail account"
        hint = f"run `mailstead group add-member {found.name} USER` first"
        raise InvalidValue(problem, where="alias.group", hint=hint)
    return _create(connection, address, group_id=found.id)


def alias_external(
    connection: sa.Connection, address: str, external: str, mydestination: Collection[str] = ()
) -> Alias:
    """Send an address's mail elsewhere. Raises InvalidValue, NotFound, AlreadyExists.

    ``mydestination`` are names of the server itself, whose mail is for root or the postmaster:
    it would come back here, or end at nobody.
    """
    where = "alias.external"
    local, domain = parse_target(external, where)
    if domain in mydestination:
        hint = "give the account with --account, or an address on another server"
        raise InvalidValue(f"{domain} is this server itself", where=where, hint=hint)
    if real_domain(connection, domain) is not None:
        hint = "give the account with --account, or the group with --group"
        raise InvalidValue(f"{domain} is a domain of this server", where=where, hint=hint)
    return _create(connection, address, external=f"{local}@{domain}")


def delete_alias(connection: sa.Connection, address: str) -> Alias:
    """Take an alias away. Raises InvalidValue, NotFound."""
    found = get_alias(connection, address)
    row = connection.execute(sa.select(ALIASES).where(ALIASES.c.address == found.address)).one()
    connection.execute(ALIASES.delete().where(ALIASES.c.address == found.address))
    if row.group_id is not None and not group_accounts.has_alias(connection, row.group_id):
        group_accounts.group_went(connection, row.group_id)
    return found


def get_alias(connection: sa.Connection, address: str) -> Alias:
    """Give an alias. Raises InvalidValue, NotFound."""
    address = known_as(connection, address, ADDRESS)
    found = find_aliases(connection, ALIASES.c.address == address, limit=1)
    if not found:
        raise NotFound("no such alias", where=f"alias {address}", hint="see `mailstead alias list`")
    return found[0]


def list_aliases(
    connection: sa.Connection,
    *,
    domain: str = "",
    search: str = "",
    after: str = "",
    limit: int = 100,
) -> list[Alias]:
    """Give a page of aliases in order of address; ``search`` is a part of it or of the target."""
    where = page_of(ALIASES, domain, after)
    if search:
        columns = (ALIASES.c.address, ALIASES.c.account, ALIASES.c.external)
        named = sa.select(groups.c.id).where(holds([groups.c.name], search))
        where = sa.and_(where, sa.or_(holds(columns, search), ALIASES.c.group_id.in_(named)))
    return find_aliases(connection, where, limit=limit, domain=domain)


def count_aliases(connection: sa.Connection, domain: str) -> int:
    """Count the aliases in a domain."""
    select = sa.select(sa.func.count()).where(ALIASES.c.domain == domain)
    return int(connection.execute(select).scalar_one())


def aliases_of_group(connection: sa.Connection, group_id: int) -> list[Alias]:
    """Give a group's aliases."""
    return find_aliases(connection, ALIASES.c.group_id == group_id, limit=1000)


def aliases_of_account(connection: sa.Connection, account: str) -> list[Alias]:
    """Give an account's own aliases, at most a thousand."""
    return find_aliases(connection, ALIASES.c.account == account, limit=1000)


def aliases_leading_to(connection: sa.Connection, domain: str, *, limit: int) -> list[Alias]:
    """Give external aliases whose mail goes to a domain."""
    where = ALIASES.c.external.endswith(f"@{domain}", autoescape=True)
    return find_aliases(connection, where, limit=limit)


def reached_by(connection: sa.Connection, alias: Alias) -> list[str]:
    """Give the addresses an alias's mail goes to now, at most a thousand."""
    if alias.reaches == 0 or alias.kind != "group":
        return [alias.target] if alias.reaches else []
    rows = GROUP_ACCOUNTS.join(ALIASES, ALIASES.c.group_id == GROUP_ACCOUNTS.c.group_id)
    rows = rows.join(ACCOUNTS, ACCOUNTS.c.address == GROUP_ACCOUNTS.c.account)
    select = sa.select(GROUP_ACCOUNTS.c.account).select_from(rows)
    is_live = sa.select(DOMAINS.c.name).where(DOMAINS.c.name == ACCOUNTS.c.domain).exists()
    select = select.where(ALIASES.c.address == alias.address, ~ACCOUNTS.c.refuses_mail, is_live)
    return list(connection.execute(select.order_by(GROUP_ACCOUNTS.c.account).limit(1000)).scalars())


def find_aliases(
    connection: sa.Connection, where: sa.ColumnElement[bool], *, limit: int, domain: str = ""
) -> list[Alias]:
    """Give aliases in order of address; name the domain when they are of one."""
    columns = (ALIASES.c.address, ALIASES.c.account, groups.c.name, ALIASES.c.external, _reaches())
    source = ALIASES.outerjoin(groups, groups.c.id == ALIASES.c.group_id)
    select = sa.select(*columns).select_from(source).where(where)
    rows = connection.execute(select.order_by(*order_of(ALIASES, domain)).limit(limit))
    return [_alias(*row) for row in rows]


def _reaches() -> sa.ColumnElement[int]:
    """Count as the lookup for Postfix does."""
    is_live = sa.select(DOMAINS.c.name).where(DOMAINS.c.name == ACCOUNTS.c.domain).exists()
    account = sa.select(sa.func.count()).where(ACCOUNTS.c.address == ALIASES.c.account, is_live)
    members = (
        sa.select(sa.func.count())
        .select_from(GROUP_ACCOUNTS.join(ACCOUNTS, ACCOUNTS.c.address == GROUP_ACCOUNTS.c.account))
        .where(GROUP_ACCOUNTS.c.group_id == ALIASES.c.group_id, ~ACCOUNTS.c.refuses_mail, is_live)
    )
    own = sa.select(DOMAINS.c.name).where(DOMAINS.c.name == ALIASES.c.domain).exists()
    return sa.case(
        (~own, 0),
        (ALIASES.c.external.is_not(None), 1),
        (ALIASES.c.account.is_not(None), account.scalar_subquery()),
        else_=members.scalar_subquery(),
    )


def _alias(
    address: str, account: str | None, group: str | None, external: str | None, reaches: int
) -> Alias:
    if account is not None:
        return Alias(address, "account", account, reaches)
    if external is not None:
        return Alias(address, "external", external, reaches)
    return Alias(address, "group", group or "", reaches)


def _create(connection: sa.Connection, address: str, **target: str | int) -> Alias:
    local, domain = canonical_address(connection, address, ADDRESS)
    made = f"{local}@{domain}"
    refuse_taken(connection, made, ADDRESS)
    values = {"address": made, "local": local, "domain": domain}
    connection.execute(ALIASES.insert().values(**values, **target))
    return get_alias(connection, made)


def _option(alias: Alias) -> str:
    return alias.target if alias.kind == "account" else f"--{alias.kind} {alias.target}"


def _no_account(connection: sa.Connection, target: str) -> NotFound | InvalidValue:
    where = "alias.account"
    found = find_aliases(connection, ALIASES.c.address == target, limit=1)
    if found:
        problem = f"{target} is an alias itself, for {found[0].target}"
        return InvalidValue(problem, where=where, hint=f"give {_option(found[0])} instead")
    hint = "see `mailstead account list`"
    return NotFound(f"there is no mail account {target}", where=where, hint=hint)
