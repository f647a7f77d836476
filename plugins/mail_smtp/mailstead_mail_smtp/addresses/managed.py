"""Which domains are managed now, and what an address is called at its real domain."""

from __future__ import annotations

import sqlalchemy as sa

from mailstead.plugin import AlreadyExists, InvalidValue, NotFound, types
from mailstead_mail_smtp.addresses.grammar import split_address
from mailstead_mail_smtp.addresses.tables import ACCOUNTS, ALIASES, DOMAIN_ALIASES, DOMAINS

DOMAIN_NAME = types.field_type_of(types.DomainName)


def real_domain(connection: sa.Connection, domain: str) -> str | None:
    """Give a managed domain, or the one it is an alias of; ``None`` for a foreign one."""
    found = sa.select(DOMAINS.c.name).where(DOMAINS.c.name == domain)
    alias = sa.select(DOMAIN_ALIASES.c.domain).where(DOMAIN_ALIASES.c.name == domain)
    name: str | None = connection.execute(sa.union_all(found, alias)).scalar()
    return name


def canonical_address(
    connection: sa.Connection, address: str, where: str = "account.address"
) -> tuple[str, str]:
    """Give local part and real domain. Raises InvalidValue, NotFound."""
    local, domain = split_address(address, where)
    real = real_domain(connection, domain)
    if real is None:
        problem = f"{domain} is not a managed domain, or not saved yet"
        hint = f"run `mailstead domain add {domain}` and `mailstead save`"
        raise NotFound(problem, where=where, hint=hint)
    return local, real


def known_as(connection: sa.Connection, address: str, where: str) -> str:
    """Give the stored form of an address that may exist. Raises InvalidValue.

    One whose domain is no longer managed is known by what it was, also where that has become
    another name of a domain since.
    """
    local, domain = split_address(address, where)
    written = f"{local}@{domain}"
    if any(_has(connection, table, written) for table in (ACCOUNTS, ALIASES)):
        return written
    return f"{local}@{real_domain(connection, domain) or domain}"


def stored_domain(connection: sa.Connection, domain: str, where: str = "domain") -> str:
    """Give the domain that addresses at one are stored at. Raises InvalidValue.

    One that is not managed is given in canonical form.
    """
    try:
        name = str(DOMAIN_NAME.parse(domain))
    except ValueError as error:
        raise InvalidValue(str(error), where=where, hint="see `mailstead domain list`") from None
    return real_domain(connection, name) or name


def refuse_taken(connection: sa.Connection, address: str, where: str) -> None:
    """Raise AlreadyExists when an account or alias has the address."""
    for table, word, command in ((ACCOUNTS, "account", "account delete"),
                                 (ALIASES, "alias", "alias remove")):  # fmt: skip
        if _has(connection, table, address):
            hint = f"choose another, or run `mailstead {command} {address}` first"
            problem = f"the mail {word} {address} exists already"
            raise AlreadyExists(problem, where=where, hint=hint)


def _has(connection: sa.Connection, table: sa.Table, address: str) -> bool:
    select = sa.select(table.c.address).where(table.c.address == address)
    return connection.execute(select).first() is not None
