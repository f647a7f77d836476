"""The commands ``network``, and ``object``, which edits the draft: a save makes it effective."""

from __future__ import annotations

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import NotFound
from mailstead_network.facts import find_interfaces
from mailstead_network.names import find_fqdn
from mailstead_network.settings import Members, Objects, ServiceAddresses

OBJECTS = "network.objects"
MEMBERS = "network.members"
SAVE = "save to make it effective"


@click.group("object")
def object_group() -> None:
    """Named groups of addresses that other modules refer to."""


@object_group.command("add")
@click.argument("name")
@click.option("--comment", default="", help="For people.")
@pass_app
def add(app: App, name: str, comment: str) -> None:
    """Add an object, without members."""
    app.engine.editor.add_row(OBJECTS, {"name": name, "comment": comment}, app.engine.actor)
    app.say(f"object {name} added; {SAVE}")


@object_group.command("list")
@pass_app
def list_objects(app: App) -> None:
    """List objects and how many members each has."""
    settings = app.engine.context_settings("draft")
    rows = [
        (item.name, sum(1 for _ in settings.rows(Members, item.name)), item.comment)
        for item in settings.rows(Objects)
    ]
    app.print_table("Objects", ("Name", "Members", "Comment"), rows)


@object_group.command("show")
@click.argument("name")
@pass_app
def show(app: App, name: str) -> None:
    """Show the members of an object."""
    settings = app.engine.context_settings("draft")
    if settings.row(Objects, name) is None:
        raise NotFound(f"no object {name!r}", hint="see `mailstead object list`")
    rows = [(item.name, item.address) for item in settings.rows(Members, name)]
    app.print_table(f"Object {name}", ("Name", "Address"), rows)


@object_group.command("remove")
@click.argument("name")
@click.option("--force", is_flag=True, help="Free every use of it as well.")
@pass_app
def remove(app: App, name: str, force: bool) -> None:
    """Remove an object with its members; refused while something else uses it."""
    editor, actor = app.engine.editor, app.engine.actor
    with app.engine.store.transaction():
        for item in list(app.engine.context_settings("draft").rows(Members, name)):
            editor.remove_row(MEMBERS, f"{name}/{item.name}", actor)
        editor.remove_row(OBJECTS, name, actor, force=force)
    app.say(f"object {name} removed; {SAVE}")


@object_group.command("add-member")
@click.argument("name")
@click.argument("address")
@click.option("--name", "member", default="", help="Name of the member; its address unless given.")
@pass_app
def add_member(app: App, name: str, address: str, member: str) -> None:
    """Add an address, network or range to an object."""
    values = {"object": name, "name": member or _name_of(address), "address": address}
    app.engine.editor.add_row(MEMBERS, values, app.engine.actor)
    app.say(f"{address} added to object {name}; {SAVE}")


@object_group.command("remove-member")
@click.argument("name")
@click.argument("member")
@pass_app
def remove_member(app: App, name: str, member: str) -> None:
    """Remove a member of an object, by its name or its address."""
    found = [
        item
        for item in app.engine.context_settings("draft").rows(Members, name)
        if member in (item.name, item.address)
    ]
    if not found:
        hint = f"see `mailstead object show {name}`"
        raise NotFound(f"object {name!r} has no member {member!r}", hint=hint)
    app.engine.editor.remove_row(MEMBERS, f"{name}/{found[0].name}", app.engine.actor)
    app.say(f"{found[0].address} removed from object {name}; {SAVE}")


def _name_of(address: str) -> str:
    """Make a member's name of its address, in the letters a name may have."""
    return "".join(char if char.isalnum() or char in ".-" else "_" for char in address).strip("_")


@click.command("network")
@pass_app
def show_network(app: App) -> None:
    """Show the name of this machine, its interfaces, and which addresses serve what."""
    context = app.engine.context("draft")
    interfaces = find_interfaces(app.engine.machine)
    record: dict[str, object] = {"name": find_fqdn(context)}
    record |= {f"interface {name}": list(found) for name, found in sorted(interfaces.items())}
    everywhere = list(context.instance.addresses) or ["all addresses"]
    record["services listen on"] = everywhere
    for row in context.settings.rows(ServiceAddresses):
        record[f"{row.service} listens on"] = list(row.addresses)
    app.print_record("Network", record)


commands: list[click.Command] = [object_group, show_network]
