"""The command ``domain``: a draft, a save makes it effective."""

from __future__ import annotations

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import InUse
from mailstead_mail_smtp.addresses.accounts import count_accounts, delete_account, list_accounts
from mailstead_mail_smtp.cli.account import opened
from mailstead_mail_smtp.settings import Domains

DOMAINS = "mail_smtp.domains"
SAVE = "save to make it effective"
NAMED = 3  # accounts named in a refusal
PAGE = 500


@click.group("domain")
def domain_group() -> None:
    """Domains this server receives mail for."""


@domain_group.command("add")
@click.argument("name")
@click.option("--comment", default="", help="For people.")
@pass_app
def add_domain(app: App, name: str, comment: str) -> None:
    """Add a mail domain."""
    values = {"name": name, "comment": comment}
    key = app.engine.editor.add_row(DOMAINS, values, app.engine.actor)
    app.say(f"domain {key} added; {SAVE}")


@domain_group.command("list")
@pass_app
def list_domains(app: App) -> None:
    """List mail domains and whether they are in effect."""
    draft, running = (app.engine.context_settings(tree) for tree in ("draft", "running"))
    rows = [
        (row.name, "yes" if running.row(Domains, row.name) else "after a save", row.comment)
        for row in draft.rows(Domains)
    ]
    app.print_table("Mail domains", ("Name", "In effect", "Comment"), rows)


@domain_group.command("remove")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also delete its mail accounts and every use of it.")
@pass_app
def remove_domain(app: App, name: str, force: bool) -> None:
    """Remove a mail domain; refused while it has mail accounts."""
    found = app.engine.context_settings("running").row(Domains, name)
    if found is not None:
        _free_accounts(app, found.name, force=force)
    app.engine.editor.remove_row(DOMAINS, name, app.engine.actor, force=force)
    app.say(f"domain {name} removed; {SAVE}")


def _free_accounts(app: App, domain: str, *, force: bool) -> None:
    with opened(app) as directory, directory.read() as connection:
        count = count_accounts(connection, domain)
        named = [item.address for item in list_accounts(connection, domain=domain, limit=NAMED)]
    if not count:
        return
    if not force:
        more = (f"{count - len(named)} more",) if count > len(named) else ()
        users = (*(f"mail account {address}" for address in named), *more)
        raise InUse("it has mail accounts", users=users, where=f"domain {domain}")
    app.confirm(f"Delete the {count} mail accounts in {domain} now?")
    with opened(app) as directory, directory.write() as connection:
        while page := list_accounts(connection, domain=domain, limit=PAGE):
            for item in page:
                delete_account(connection, item.address)
    app.say(f"{count} mail accounts deleted; their mail stays on the disk")
