"""The command ``account``: mail accounts, which take effect at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from mailstead.cli.app import App, pass_app
from mailstead_mail_smtp.addresses import accounts
from mailstead_mail_smtp.places import MAILDIRS
from mailstead_users.directory import Directory
from mailstead_users.opening import open_directory

PAGE = 100


@contextmanager
def opened(app: App) -> Iterator[Directory]:
    """Open the directory. Raises ModuleUnavailable before the module is enabled and saved."""
    app.engine.require_enabled("mail_smtp")
    with open_directory(app.engine.context("running")) as directory:
        yield directory


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
        made = accounts.create_account(connection, user, address)
    app.note("account add", f"{made.address} for {made.user}")
    app.say(f"mail account {made.address} created for {made.user}")


@account_group.command("list")
@click.option("--domain", default="", help="Only this domain.")
@click.option("--after", default="", help="Begin after this address.")
@click.option(
    "--limit",
    default=PAGE,
    show_default=True,
    type=click.IntRange(1, 10000),
    help="Most accounts to list.",
)
@pass_app
def list_accounts(app: App, domain: str, after: str, limit: int) -> None:
    """List mail accounts in order of address, a page at a time."""
    with opened(app) as directory, directory.read() as connection:
        found = accounts.list_accounts(
            connection, domain=domain.lower(), after=after.lower(), limit=limit + 1
        )
    rows = [(item.address, item.user) for item in found[:limit]]
    app.print_table("Mail accounts", ("Address", "User"), rows)
    if len(found) > limit:
        app.warn(f"there are more: --after {rows[-1][0]}")


@account_group.command("delete")
@click.argument("address")
@click.option("--with-mail", is_flag=True, help="Also delete its mail from the disk, for ever.")
@pass_app
def delete(app: App, address: str, with_mail: bool) -> None:
    """Delete a mail account; its user stays."""
    what = "and all its mail" if with_mail else "(its mail stays on the disk)"
    app.confirm(f"Delete the mail account {address.lower()} {what}?")
    with opened(app) as directory, directory.write() as connection:
        gone = accounts.delete_account(connection, address)
    app.note("account delete", gone.address + (" with its mail" if with_mail else ""))
    folder = app.engine.instance.path(f"{MAILDIRS}/{gone.home}")
    if with_mail:
        app.engine.machine.remove_tree(folder)
    left = "its mail is gone" if with_mail else f"its mail stays in {folder}"
    app.say(f"mail account {gone.address} deleted; {left}")
