"""What becomes of mail accounts when users come and go: the hooks of mailstead_users."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

from mailstead.plugin import Context, NotFound, counted
from mailstead_mail_smtp.addresses import group_accounts
from mailstead_mail_smtp.addresses.accounts import account_of, create_account, delete_account
from mailstead_mail_smtp.addresses.aliases import (
    aliases_of_account,
    aliases_of_group,
    delete_alias,
)
from mailstead_mail_smtp.addresses.tables import (
    METADATA,
    ROOM_METADATA,
    ROOM_SCHEMA,
    SCHEMA,
    VERSION,
)
from mailstead_mail_smtp.addresses.targets import uses_of_account
from mailstead_mail_smtp.places import LOOKUP_DATABASE, MAILDIRS, ROOM_DATABASE
from mailstead_mail_smtp.settings import Domains, UserTemplate
from mailstead_users.hookspecs import GroupChange, UserChange
from mailstead_users.schemas import SchemaFile
from mailstead_users.users import find_user


def schemas() -> list[SchemaFile]:
    """Give the schemas this module keeps in the directory."""
    return [
        SchemaFile(SCHEMA, LOOKUP_DATABASE, METADATA, VERSION),
        SchemaFile(ROOM_SCHEMA, ROOM_DATABASE, ROOM_METADATA),
    ]


def follow_created(change: UserChange) -> str | None:
    """Give a new user the account that the template says; tell when it cannot be known where."""
    domain = default_domain(change.context)
    if not domain:
        return _no_account(change)
    address = f"{change.user.name.lower()}@{domain}"
    account = create_account(change.connection, change.user.name, address)
    return f"mail account {account.address} created"


def warn(change: UserChange) -> list[str]:
    """Tell which account and aliases go with a user, and for what else they are used."""
    account = account_of(change.connection, change.user.id)
    if account is None:
        return []
    aliases = [item.address for item in aliases_of_account(change.connection, account.address)]
    named = f"; its aliases are {', '.join(aliases)}" if aliases else ""
    uses = uses_of_account(change.connection, change.context.settings, account.address)
    return [f"has the mail account {account.address}{named}", *uses]


def follow_deleted(change: UserChange) -> str | None:
    """Take away the account of a user who goes."""
    account = account_of(change.connection, change.user.id)
    if account is None:
        return None
    delete_account(change.connection, account.address)
    folder = change.context.path(f"{MAILDIRS}/{account.home}")
    return f"mail account {account.address} removed; its mail stays in {folder}"


def follow_group(change: GroupChange) -> str | None:
    """Let a group's aliases reach who is in it now."""
    name = change.details.get("added") or change.details.get("removed")
    if not name or not group_accounts.has_alias(change.connection, change.group.id):
        return None
    with suppress(NotFound):  # a user who is deleted is gone by now, and so is the account
        user_id = find_user(change.connection, name).id
        if "added" in change.details:
            group_accounts.member_came(change.connection, change.group.id, user_id)
        else:
            group_accounts.member_went(change.connection, change.group.id, user_id)
    return _reach(change)


def warn_of_group(change: GroupChange) -> list[str]:
    """Tell which aliases go with a group."""
    found = aliases_of_group(change.connection, change.group.id)
    return [f"has the mail alias {item.address}" for item in found]


def follow_group_deleted(change: GroupChange) -> str | None:
    """Take away the aliases of a group that went."""
    found = aliases_of_group(change.connection, change.group.id)
    for item in found:
        delete_alias(change.connection, item.address)
    names = ", ".join(item.address for item in found)
    return f"mail aliases removed: {names}" if names else None


def _reach(change: GroupChange) -> str:
    found = aliases_of_group(change.connection, change.group.id)
    if found[0].reaches == 0:
        names = ", ".join(item.address for item in found)
        return f"no member has a mail account any more: mail to {names} is refused"
    return f"{found[0].address} reaches {counted(found[0].reaches, 'mail account')} now"


def _no_account(change: UserChange) -> str | None:
    if not change.context.settings.form(UserTemplate).mail_account:
        return None
    step = f"run `mailstead account add {change.user.name} ADDRESS`"
    if next(iter(change.context.settings.rows(Domains)), None) is None:
        return f"no mail account was made, since there is no mail domain yet: add one, then {step}"
    setting = "set mail_smtp.user_template.default_domain for those who come"
    return f"no mail account was made, since there are several mail domains: {step}, and {setting}"


def default_domain(context: Context) -> str | None:
    """Give the domain a new user's account is in: the chosen one, or the only one."""
    template = context.settings.form(UserTemplate)
    if not template.mail_account:
        return None
    if template.default_domain:
        return template.default_domain
    found = [row.name for row in islice(context.settings.rows(Domains), 2)]
    return found[0] if len(found) == 1 else None
