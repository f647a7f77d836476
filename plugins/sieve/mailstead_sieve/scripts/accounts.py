"""Which account scripts belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mailstead.plugin import Context, NotFound

if TYPE_CHECKING:
    from sqlalchemy import Connection


@attrs.frozen
class Owner:
    """An account as rules see it.

    Attributes:
        address: its address, which is the login.
        home: its folder below the mailboxes.
        aliases: its other addresses, to which mail for it may have been sent.
    """

    address: str
    home: str
    aliases: tuple[str, ...] = ()


def find_owner(context: Context, address: str) -> Owner:
    """Give the account with an address. Raises InvalidValue, NotFound."""
    from mailstead_mail_smtp.addresses.accounts import get_account
    from mailstead_mail_smtp.addresses.aliases import aliases_of_account
    from mailstead_users.opening import open_directory

    with open_directory(context) as directory, directory.read() as connection:
        found = get_account(connection, address)
        if not found.is_managed:
            problem = "its domain is not managed, so it gets no mail"
            raise NotFound(problem, where=f"mail account {found.address}")
        aliases = (item.address for item in aliases_of_account(connection, found.address))
        names = _everywhere(connection, (found.address, *aliases))
    return Owner(found.address, found.home, names[1:])


def is_managed(context: Context, address: str) -> bool:
    """Tell whether an address is in a domain of ours."""
    from mailstead_mail_smtp.addresses.managed import real_domain
    from mailstead_users.opening import open_directory

    with open_directory(context) as directory, directory.read() as connection:
        return real_domain(connection, address.rpartition("@")[2]) is not None


def _everywhere(connection: Connection, addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Add each address at the other names of its domain."""
    import sqlalchemy as sa

    from mailstead_mail_smtp.addresses.tables import DOMAIN_ALIASES

    found = list(addresses)
    for address in addresses:
        local, _, domain = address.rpartition("@")
        select = sa.select(DOMAIN_ALIASES.c.name).where(DOMAIN_ALIASES.c.domain == domain)
        names = connection.execute(select.order_by(DOMAIN_ALIASES.c.name)).scalars()
        found += [f"{local}@{name}" for name in names]
    return tuple(found)
