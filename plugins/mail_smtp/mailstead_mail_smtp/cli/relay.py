"""The command ``relay``: a draft, a save makes it effective."""

from __future__ import annotations

import click

from mailstead.cli.app import App, pass_app
from mailstead_mail_smtp.settings import RelayPolicy

RELAY = "mail_smtp.relay"
SAVE = "save to make it effective"
DANGER = (
    "A server that lets anyone send mail is an open relay: within hours it sends other people's "
    "spam in your name, and other servers refuse its mail."
)


@click.group("relay")
def relay_group() -> None:
    """Network objects that may send mail anywhere without a password."""


@relay_group.command("allow")
@click.argument("name", metavar="OBJECT")
@click.option("--open-relay", is_flag=True, help="Even if it lets nearly anyone send mail.")
@pass_app
def allow(app: App, name: str, open_relay: bool) -> None:
    """Let an object relay."""
    if open_relay:
        app.confirm(f"{DANGER} Let {name} relay all the same?")
    _set_relay(app, name, allow=True, open_relay=open_relay)


@relay_group.command("deny")
@click.argument("name", metavar="OBJECT")
@pass_app
def deny(app: App, name: str) -> None:
    """Keep an object in the list, but do not let it relay."""
    _set_relay(app, name, allow=False, open_relay=False)


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
    rows = [(row.object, row.allow, row.open_relay) for row in found]
    app.print_table("Relay policy", ("Object", "Allow", "Anyone"), rows)


def _set_relay(app: App, name: str, **values: bool) -> None:
    editor, actor = app.engine.editor, app.engine.actor
    if app.engine.context_settings("draft").row(RelayPolicy, name) is None:
        editor.add_row(RELAY, {"object": name, **values}, actor)
    else:
        editor.change_row(RELAY, name, values, actor)
    app.say(f"object {name} {'may' if values['allow'] else 'may not'} relay; {SAVE}")
