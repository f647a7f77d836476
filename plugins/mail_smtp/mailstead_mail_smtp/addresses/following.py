"""What becomes of mail accounts when users come and go: the hooks of mailstead_users."""

from __future__ import annotations

from itertools import islice

from mailstead.plugin import Context
from mailstead_mail_smtp.addresses.accounts import account_of, create_account, delete_account
from mailstead_mail_smtp.addresses.tables import METADATA, SCHEMA, VERSION
from mailstead_mail_smtp.places import LOOKUP_DATABASE, MAILDIRS
from mailstead_mail_smtp.settings import Domains, UserTemplate
from mailstead_users.hookspecs import UserChange
from mailstead_users.schemas import SchemaFile


def schemas() -> list[SchemaFile]:
    """Give the schema this module keeps in the directory."""
    return [SchemaFile(SCHEMA, LOOKUP_DATABASE, METADATA, VERSION)]


def follow_created(change: UserChange) -> str | None:
    """Give a new user the account that the template says."""
    domain = default_domain(change.context)
    if not domain:
        return None
    address = f"{change.user.name.lower()}@{domain}"
    account = create_account(change.connection, change.user.name, address)
    return f"mail account {account.address} created"


def warn(change: UserChange) -> list[str]:
    """Tell which account goes with a user."""
    account = account_of(change.connection, change.user.id)
    return [f"has the mail account {account.address}"] if account else []


def follow_deleted(change: UserChange) -> str | None:
    """Take away the account of a user who goes."""
    account = account_of(change.connection, change.user.id)
    if account is None:
        return None
    delete_account(change.connection, account.address)
    folder = change.context.path(f"{MAILDIRS}/{account.home}")
    return f"mail account {account.address} removed; its mail stays in {folder}"


def default_domain(context: Context) -> str | None:
    """Give the domain a new user's account is in: the chosen one, or the only one."""
    template = context.settings.form(UserTemplate)
    if not template.mail_account:
        return None
    if template.default_domain:
        return template.default_domain
    found = [row.name for row in islice(context.settings.rows(Domains), 2)]
    return found[0] if len(found) == 1 else None
