"""The command ``quarantine``: mail that the filter keeps back; changes take effect at once."""

from __future__ import annotations

from typing import Any

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import InvalidValue, Path, counted
from mailstead_filter.nightly import expire, report
from mailstead_filter.quarantine import (
    KINDS,
    Held,
    change_held,
    list_held,
    read_held,
    require_held,
)
from mailstead_filter.recipients import require_recipients
from mailstead_filter.released import remember_released
from mailstead_mail_smtp.places import CONFIG
from mailstead_mail_smtp.queue.actions import Action
from mailstead_mail_smtp.queue.filters import Filter

NAMED = 20  # ids named in the audit log
SHOWN = 10  # recipients shown in a list
COLUMNS = ("Id", "Arrived", "Kind", "Reason", "Sender", "Recipients", "Size")
DONE = {"release": "released", "delete": "deleted"}
IDS = click.argument("ids", nargs=-1, metavar="ID...")
ALL = click.option("--all", "every", is_flag=True, help="All messages.")


@click.group("quarantine")
def quarantine_group() -> None:
    """Mail that the filter keeps back; changes take effect at once."""


@quarantine_group.command("list")
@click.option("--sender", default="", metavar="TEXT",
              help="Sent by an address, @domain, or what contains this.")  # fmt: skip
@click.option("--recipient", default="", metavar="TEXT", help="To such an address.")
@click.option("--kind", type=click.Choice(KINDS), help="Kept back as this.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10000),
              help="Show at most so many, the newest.")  # fmt: skip
@pass_app
def list_quarantine(app: App, sender: str, recipient: str, kind: str | None, limit: int) -> None:
    """List what is kept back, oldest first."""
    wanted = Filter(sender=sender, recipient=recipient)
    found = list_held(app.engine.machine, _config(app), wanted=wanted, kind=kind or "")
    app.print_table("Quarantine", COLUMNS, [_row(app, item) for item in found[-limit:]])
    if len(found) > limit:
        app.warn(f"{len(found) - limit} older ones are not shown")


@quarantine_group.command("show")
@click.argument("queue_id", metavar="ID")
@pass_app
def show(app: App, queue_id: str) -> None:
    """Show header and body of a message as they were sent; nothing is interpreted."""
    content = read_held(app.engine.machine, _config(app), queue_id)
    app.note("quarantine show", queue_id)
    app.emit({"id": queue_id, "content": "\n".join(content.lines), "cut": content.is_cut})
    for line in content.lines:
        app.say(line.replace("\t", "    "))
    if content.is_cut:
        app.warn("there is more of it")


@quarantine_group.command("release")
@IDS
@ALL
@click.option("--force", is_flag=True, help="Also what would be returned to its sender.")
@pass_app
def release(app: App, ids: tuple[str, ...], every: bool, force: bool) -> None:
    """Let messages go on to their recipients; they are not looked at again."""
    _change(app, "release", ids, every=every, force=force)


@quarantine_group.command("delete")
@IDS
@ALL
@pass_app
def delete(app: App, ids: tuple[str, ...], every: bool) -> None:
    """Delete messages for ever."""
    _change(app, "delete", ids, every=every)


@quarantine_group.command("nightly")
@click.option("--quiet", is_flag=True, help="Say nothing when all went well.")
@pass_app
def nightly(app: App, quiet: bool) -> None:
    """Remove what is old and send the report, by the saved settings; a job does it each night."""
    _config(app)
    context, machine = app.engine.context("running"), app.engine.machine
    now = machine.now()
    gone = expire(context, machine, now)
    told = report(context, machine, now)
    if gone:
        app.note("quarantine nightly", f"{counted(gone, 'message')} deleted")
    if not quiet:
        app.say(f"{counted(gone, 'message')} deleted, {told} reported")


def _change(
    app: App, action: Action, ids: tuple[str, ...], *, every: bool, force: bool = True
) -> None:
    if bool(ids) == every:
        raise InvalidValue("say which messages, in one way", where="quarantine",
                           hint="give ids, or --all")  # fmt: skip
    machine, config = app.engine.machine, _config(app)
    if every:
        ids = tuple(item.message.id for item in list_held(machine, config))
    require_held(machine, config, ids)
    if not force:
        require_recipients(app.engine.context("running"), machine, ids)
    if every or action == "delete":
        app.confirm(f"{action.capitalize()} {counted(len(ids), 'message')}?")
    if action == "release":
        remember_released(app.engine.context("running"), machine, ids)
    done = change_held(machine, config, action, ids)
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    app.note(f"quarantine {action}", ", ".join(ids[:NAMED]) + more)
    app.say(f"{done} of {len(ids)} {DONE[action]}")


def _config(app: App) -> Path:
    app.engine.require_enabled("filter")
    return app.engine.instance.path(CONFIG)


def _row(app: App, item: Held) -> tuple[Any, ...]:
    recipients = [found.address for found in item.message.recipients]
    more = [f"and {len(recipients) - SHOWN} more"] if len(recipients) > SHOWN else []
    return (
        item.message.id, app.time(item.message.arrived), item.kind, item.reason,
        item.message.sender, ", ".join(recipients[:SHOWN] + more), item.message.size,
    )  # fmt: skip
