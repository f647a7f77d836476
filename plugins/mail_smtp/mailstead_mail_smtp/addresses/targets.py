"""Whom the settings name by an address: default mailboxes, catch-alls, the postmaster.

Accounts and aliases take effect at once and these with a save, so neither can wait for the other:
what leads nowhere is said when it is set, and what an account is used for when it goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from mailstead_mail_smtp.addresses.aliases import Alias, aliases_of_account, find_aliases
from mailstead_mail_smtp.addresses.lookups import ROLES
from mailstead_mail_smtp.addresses.rules import address_here
from mailstead_mail_smtp.addresses.tables import ACCOUNTS, ALIASES, DOMAINS
from mailstead_mail_smtp.settings import Domains, Options

NAMED = 10  # domains named in one sentence


def no_default_mailbox(connection: sa.Connection | None, address: str) -> str:
    """Say why a default mailbox gets no mail; empty when it does.

    Without a connection there is no directory yet, and so nobody in it.
    """
    refuses_mail = _refuses_mail(connection, address)
    if refuses_mail is not None:
        step = f"run `mailstead account resume {address}`"
        return f"{address} refuses mail, and so such mail: {step}" if refuses_mail else ""
    alias = _alias_at(connection, address)
    if alias is None:
        return f"there is no mail account {address} yet; until then such mail is refused"
    problem = f"{address} is an alias, for {alias.target}, and no mail account"
    step = f"give {alias.target} instead" if alias.kind == "account" else "give a mail account"
    return f"{problem}, so such mail is refused: {step}"


def no_catch_all(connection: sa.Connection | None, settings: Any, address: str) -> str:
    """Say that nobody gets the copies for a catch-all in a domain of ours; empty otherwise."""
    here = address_here(settings, address)
    if not here or _is_role(settings, here) or _has_account(connection, here):
        return ""
    alias = _alias_at(connection, here)
    if alias is not None:
        return "" if alias.reaches else f"the alias {here} reaches nobody; such copies bounce"
    default = settings.row(Domains, here.rpartition("@")[2]).default_mailbox
    if default and _has_account(connection, default):
        return ""
    return f"there is neither a mail account nor an alias {here} yet; until then copies bounce"


def uses_of_account(connection: sa.Connection, settings: Any, account: str) -> list[str]:
    """Say for what else an account or an alias of it is used; that goes with the account."""
    names = {account, *(item.address for item in aliases_of_account(connection, account))}
    found = [*_default_of(connection, account), *_catch_all_of(connection, settings, names)]
    postmaster = settings.form(Options).postmaster
    if postmaster and address_here(settings, postmaster) in names:
        found.append(f"{postmaster} is the postmaster: mail_smtp.options.postmaster")
    return found


def _default_of(connection: sa.Connection, account: str) -> Iterator[str]:
    select = sa.select(DOMAINS.c.name).where(DOMAINS.c.default_mailbox == account)
    domains = connection.execute(select.order_by(DOMAINS.c.name)).scalars().all()
    if domains:
        yield f"{account} is the default mailbox of {_listed(domains)}"


def _catch_all_of(connection: sa.Connection, settings: Any, names: set[str]) -> Iterator[str]:
    targets = connection.execute(sa.select(DOMAINS.c.catch_all).distinct()).scalars().all()
    for target in sorted(filter(None, targets)):
        if address_here(settings, target) in names:
            select = sa.select(DOMAINS.c.name).where(DOMAINS.c.catch_all == target)
            domains = connection.execute(select.order_by(DOMAINS.c.name)).scalars().all()
            yield f"{target} is the catch-all of {_listed(domains)}"


def _listed(domains: Sequence[str]) -> str:
    more = len(domains) - NAMED
    return ", ".join(domains[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _is_role(settings: Any, address: str) -> bool:
    """Tell whether an address has somebody without an account: in the end root of this machine."""
    postmaster = settings.form(Options).postmaster or ""
    return address.partition("@")[0] in ROLES or address == address_here(settings, postmaster)


def _has_account(connection: sa.Connection | None, address: str) -> bool:
    return _refuses_mail(connection, address) is not None


def _refuses_mail(connection: sa.Connection | None, address: str) -> bool | None:
    """Tell whether an account refuses mail; ``None`` where there is none."""
    if connection is None:
        return None
    select = sa.select(ACCOUNTS.c.refuses_mail).where(ACCOUNTS.c.address == address)
    found: bool | None = connection.execute(select).scalar()
    return found


def _alias_at(connection: sa.Connection | None, address: str) -> Alias | None:
    if connection is None:
        return None
    return next(iter(find_aliases(connection, ALIASES.c.address == address, limit=1)), None)
