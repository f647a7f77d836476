"""The command ``alias``: further addresses, which take effect at once."""

from __future__ import annotations

import click
import sqlalchemy as sa

from mailstead.cli.app import App, pass_app
from mailstead.plugin import counted
from mailstead_mail_smtp.addresses import aliases
from mailstead_mail_smtp.addresses.managed import stored_domain
from mailstead_mail_smtp.cli.account import AFTER, DOMAIN, LIMIT, SEARCH, opened, refuse_own_name
from mailstead_mail_smtp.postfix.identity import mydestination


@click.group("alias")
def alias_group() -> None:
    """Further addresses of accounts, groups and people elsewhere; no logins.

    Changes take effect at once.
    """


@alias_group.command("add")
@click.argument("address")
@click.option("--account", metavar="ADDRESS", help="The mail account that gets the mail.")
@click.option("--group", metavar="NAME", help="The group whose members' accounts get the mail.")
@click.option("--external", metavar="ADDRESS", help="The address elsewhere that gets the mail.")
@pass_app
def add(
    app: App, address: str, account: str | None, group: str | None, external: str | None
) -> None:
    """Make ADDRESS another name for one account, one group, or one address elsewhere."""
    given = {"account": account, "group": group, "external": external}
    targets = [(kind, target) for kind, target in given.items() if target is not None]
    if len(targets) != 1:
        raise click.UsageError("give one of --account, --group and --external")
    kind, target = targets[0]
    with opened(app) as directory, directory.write() as connection:
        refuse_own_name(app.engine.context("running"), address, aliases.ADDRESS)
        made = _make(app, connection, kind, address, target)
    app.note("alias add", f"{made.address} for {made.target}")
    app.say(f"alias {made.address} added: {words(made)}")


@alias_group.command("list")
@DOMAIN
@SEARCH
@AFTER
@LIMIT
@pass_app
def list_aliases(app: App, domain: str, search: str, after: str, limit: int) -> None:
    """List aliases in order of address, a page at a time."""
    with opened(app) as directory, directory.read() as connection:
        domain = domain and stored_domain(connection, domain)
        found = aliases.list_aliases(
            connection, domain=domain, search=search, after=after.lower(), limit=limit + 1
        )
    rows = [(item.address, item.kind, item.target, item.reaches) for item in found[:limit]]
    app.print_table("Aliases", ("Address", "For", "Target", "Reaches"), rows)
    if len(found) > limit:
        app.warn(f"there are more: --after {rows[-1][0]}")


@alias_group.command("show")
@click.argument("address")
@pass_app
def show(app: App, address: str) -> None:
    """Show whom an alias reaches."""
    with opened(app) as directory, directory.read() as connection:
        found = aliases.get_alias(connection, address)
        reached = aliases.reached_by(connection, found)
    record = {
        "address": found.address, "for": found.kind, "target": found.target, "reaches": reached
    }  # fmt: skip
    app.print_record(f"Alias {found.address}", record)


@alias_group.command("remove")
@click.argument("address")
@pass_app
def remove(app: App, address: str) -> None:
    """Remove an alias."""
    with opened(app) as directory, directory.write() as connection:
        gone = aliases.delete_alias(connection, address)
    app.note("alias remove", f"{gone.address} for {gone.target}")
    app.say(f"alias {gone.address} removed")


def _make(
    app: App, connection: sa.Connection, kind: str, address: str, target: str
) -> aliases.Alias:
    if kind == "account":
        return aliases.alias_account(connection, address, target)
    if kind == "group":
        return aliases.alias_group(connection, address, target)
    own = mydestination(app.engine.context("running"))
    return aliases.alias_external(connection, address, target, own)


def words(alias: aliases.Alias) -> str:
    """Say where an alias's mail goes."""
    if alias.kind != "group":
        return f"its mail goes to {alias.target}"
    return f"its mail goes to {counted(alias.reaches, 'mail account')} of the group {alias.target}"
