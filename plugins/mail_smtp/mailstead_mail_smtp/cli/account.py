"""The command ``account``: mail accounts, which take effect at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import Context, InvalidValue, types
from mailstead_mail_smtp.addresses import accounts
from mailstead_mail_smtp.addresses.aliases import aliases_of_account
from mailstead_mail_smtp.addresses.grammar import SMALLEST_MAILBOX
from mailstead_mail_smtp.addresses.managed import stored_domain
from mailstead_mail_smtp.addresses.targets import uses_of_account
from mailstead_mail_smtp.places import MAILDIRS
from mailstead_mail_smtp.postfix.identity import mydestination
from mailstead_users.commands import end_sessions
from mailstead_users.directory import Directory
from mailstead_users.opening import open_directory

PAGE = 100
LARGEST_PAGE = 10000
QUOTA_WORDS = {"default": None, "unlimited": 0}
SIZE = types.field_type_of(types.Size)
LEAST = f"{SMALLEST_MAILBOX >> 10}K"
ACCEPTED = f"accepted: default, unlimited, or a number of bytes from {LEAST}, such as 512M or 2G"
# So that the grammar of an argument refuses -1, and not click, which knows of no field.
MAY_BEGIN_WITH_MINUS = {"ignore_unknown_options": True}

DOMAIN = click.option("--domain", default="", help="Only this domain.")
SEARCH = click.option("--search", default="", metavar="TEXT", help="Only with this text.")
AFTER = click.option("--after", default="", help="Begin after this address.")
LIMIT = click.option(
    "--limit", default=PAGE, show_default=True, type=click.IntRange(1, LARGEST_PAGE),
    help="Show at most so many.",
)  # fmt: skip


@contextmanager
def opened(app: App) -> Iterator[Directory]:
    """Open the directory. Raises ModuleUnavailable before the module is enabled and saved."""
    app.engine.require_enabled("mail_smtp")
    with open_directory(app.engine.context("running")) as directory:
        yield directory


def refuse_own_name(context: Context, address: str, where: str) -> None:
    """Raise InvalidValue for an address at a name of this server, which cannot be a mail domain."""
    domain = address.lower().partition("@")[2]
    if domain in mydestination(context):
        problem = f"{domain} is a name of this server itself, not a mail domain"
        hint = "give an address in one that `mailstead domain list` shows"
        raise InvalidValue(problem, where=where, hint=hint)


@click.group("account")
def account_group() -> None:
    """Mail accounts of users; changes take effect at once."""


@account_group.command("add")
@click.argument("user")
@click.argument("address")
@pass_app
def add(app: App, user: str, address: str) -> None:
    """Give USER the mail account ADDRESS."""
    with opened(app) as directory, directory.write() as connection:
        refuse_own_name(app.engine.context("running"), address, "account.address")
        made = accounts.create_account(connection, user, address)
    app.note("account add", f"{made.address} for {made.user}")
    app.say(f"mail account {made.address} created for {made.user}")


@account_group.command("list")
@DOMAIN
@SEARCH
@AFTER
@LIMIT
@pass_app
def list_accounts(app: App, domain: str, search: str, after: str, limit: int) -> None:
    """List mail accounts in order of address, a page at a time."""
    with opened(app) as directory, directory.read() as connection:
        domain = domain and stored_domain(connection, domain)
        found = accounts.list_accounts(
            connection, domain=domain, search=search, after=after.lower(), limit=limit + 1
        )
    rows = [
        (item.address, item.user, quota_words(item.quota), state_words(item), item.aliases)
        for item in found[:limit]
    ]
    app.print_table("Mail accounts", ("Address", "User", "Quota", "State", "Aliases"), rows)
    if len(found) > limit:
        app.warn(f"there are more: --after {rows[-1][0]}")


@account_group.command("show")
@click.argument("address")
@pass_app
def show(app: App, address: str) -> None:
    """Show a mail account with its aliases and where its mail is."""
    with opened(app) as directory, directory.read() as connection:
        found = accounts.get_account(connection, address)
        aliases = [item.address for item in aliases_of_account(connection, found.address)]
    record = {
        "address": found.address, "user": found.user, "quota": quota_words(found.quota),
        "state": state_words(found), "aliases": aliases,
        "mail": str(app.engine.instance.path(f"{MAILDIRS}/{found.home}")),
    }  # fmt: skip
    app.print_record(f"Mail account {found.address}", record)


@account_group.command("quota", context_settings=MAY_BEGIN_WITH_MINUS)
@click.argument("address")
@click.argument("size")
@pass_app
def quota(app: App, address: str, size: str) -> None:
    """Set how much an account may hold: SIZE from 64K, such as 2G, or default, or unlimited."""
    wanted = parse_quota(size)
    with opened(app) as directory, directory.write() as connection:
        found = accounts.set_quota(connection, address, wanted)
    app.note("account quota", f"{found.address} {size}")
    app.say(f"quota of {found.address} is {quota_words(wanted)} now")


@account_group.command("suspend")
@click.argument("address")
@click.option("--refuse-mail", is_flag=True, help="Also refuse new mail for it.")
@pass_app
def suspend(app: App, address: str, refuse_mail: bool) -> None:
    """Let nobody log in to an account; its mail is still received."""
    with opened(app) as directory, directory.write() as connection:
        found = accounts.suspend(connection, address, refuse_mail=refuse_mail)
    app.note("account suspend", found.address + (" and refuse mail" if refuse_mail else ""))
    app.say(f"mail account {found.address}: {state_words(found)}")
    end_sessions(app, [found.address])


@account_group.command("resume")
@click.argument("address")
@pass_app
def resume(app: App, address: str) -> None:
    """Undo a suspension."""
    with opened(app) as directory, directory.write() as connection:
        found = accounts.resume(connection, address)
    app.note("account resume", found.address)
    app.say(f"mail account {found.address}: {state_words(found)}")


@account_group.command("delete")
@click.argument("address")
@click.option("--with-mail", is_flag=True, help="Also delete its mail from the disk, for ever.")
@pass_app
def delete(app: App, address: str, with_mail: bool) -> None:
    """Delete a mail account and its aliases, after telling their uses; its user stays."""
    with opened(app) as directory, directory.read() as connection:
        found = accounts.get_account(connection, address)
        aliases = [item.address for item in aliases_of_account(connection, found.address)]
        settings = app.engine.context_settings("running")
        uses = uses_of_account(connection, settings, found.address)
    for use in uses:
        app.warn(use)
    what = "and all its mail" if with_mail else "(its mail stays on the disk)"
    lost = f" and its aliases {', '.join(aliases)}" if aliases else ""
    app.confirm(f"Delete the mail account {found.address}{lost} {what}?")
    with opened(app) as directory, directory.write() as connection:
        gone = accounts.delete_account(connection, found.address)
    app.note("account delete", gone.address + (" with its mail" if with_mail else ""))
    end_sessions(app, [gone.address])
    folder = app.engine.instance.path(f"{MAILDIRS}/{gone.home}")
    if with_mail:
        app.engine.machine.remove_tree(folder)
    left = "its mail is gone" if with_mail else f"its mail stays in {folder}"
    app.say(f"mail account {gone.address} deleted; {left}")


def parse_quota(text: str) -> int | None:
    """Read a quota: bytes, 0 for no limit, ``None`` for what holds for all.

    Raises InvalidValue.
    """
    if text.lower() in QUOTA_WORDS:
        return QUOTA_WORDS[text.lower()]
    try:
        size = int(SIZE.parse(text))
    except ValueError as error:
        raise InvalidValue(str(error), where="account.quota", hint=ACCEPTED) from None
    if size < SMALLEST_MAILBOX:
        problem = f"{size} bytes are too few for a mailbox"
        raise InvalidValue(problem, where="account.quota", hint=ACCEPTED)
    return size


def quota_words(quota: int | None) -> str:
    """Give a quota as people read it and as it is entered."""
    if not quota:
        return "default" if quota is None else "unlimited"
    for unit, factor in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if quota % factor == 0:
            return f"{quota // factor}{unit}"
    return str(quota)


def state_words(account: accounts.MailAccount) -> str:
    """Say what an account can do."""
    if not account.is_managed:
        return "its domain is not managed"
    if account.refuses_mail:
        return "suspended, refuses mail"
    if not account.may_log_in:
        return "suspended, receives mail"
    return "active" if account.user_enabled else "its user is disabled, receives mail"
