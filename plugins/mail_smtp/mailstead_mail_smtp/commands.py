"""The commands ``domain`` and ``relay`` (drafts: a save makes them effective)."""

from __future__ import annotations

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import InUse
from mailstead_mail_smtp.account_commands import account_group, opened
from mailstead_mail_smtp.accounts import count_accounts, delete_account, list_accounts
from mailstead_mail_smtp.settings import Domains, RelayPolicy

DOMAINS, RELAY = "mail_smtp.domains", "mail_smtp.relay"
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


@click.group("relay")
def relay_group() -> None:
    """Network objects that may send mail anywhere without a password."""


@relay_group.command("allow")
@click.argument("name", metavar="OBJECT")
@pass_app
def allow(app: App, name: str) -> None:
    """Let an object relay."""
    _set_relay(app, name, allow=True)


@relay_group.command("deny")
@click.argument("name", metavar="OBJECT")
@pass_app
def deny(app: App, name: str) -> None:
    """Keep an object in the list, but do not let it relay."""
    _set_relay(app, name, allow=False)


@relay_group.command("remove")
@click.argument("name", metavar="OBJECT")
@pass_app
def remove_relay(app: App, name: str) -> None:
    """Take an object off the list; it may not relay then."""
    app.engine.editor.remove_row(RELAY, name, app.engine.actor)
    app.say(f"object {name} may no longer relay; {SAVE}")


@relay_group.command("list")
@pass_app
def list_relay(app: App) -> None:
    """List objects with a relay policy."""
    found = app.engine.context_settings("draft").rows(RelayPolicy)
    app.print_table("Relay policy", ("Object", "Allow"), [(row.object, row.allow) for row in found])


def _set_relay(app: App, name: str, *, allow: bool) -> None:
    editor, actor = app.engine.editor, app.engine.actor
    if app.engine.context_settings("draft").row(RelayPolicy, name) is None:
        editor.add_row(RELAY, {"object": name, "allow": allow}, actor)
    else:
        editor.change_row(RELAY, name, {"allow": allow}, actor)
    app.say(f"object {name} {'may' if allow else 'may not'} relay; {SAVE}")


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


commands: list[click.Command] = [domain_group, account_group, relay_group]
