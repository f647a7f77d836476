"""The command ``expiry``: old mail in folders such as Trash."""

from __future__ import annotations

from itertools import islice

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import counted
from mailstead_mail_retrieval import expiry
from mailstead_mail_retrieval.settings import Expiration

SECTION = "mail_retrieval.expiration"
SAVE = "save to make it effective"
SHOWN = 100  # messages shown of a dry run


@click.group("expiry")
def expiry_group() -> None:
    """Remove mail that has lain in a folder for long; a job does it every night."""


@expiry_group.command("list")
@pass_app
def list_rules(app: App) -> None:
    """List folders and after how many days their mail is removed."""
    rows = [(row.folder, row.days) for row in app.engine.context_settings("draft").rows(Expiration)]
    app.print_table("Expiration", ("Folder", "Days"), rows)


# -1 is refused by the field, not by click, which would take it for an option.
@expiry_group.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("folder")
@click.argument("days")
@pass_app
def set_rule(app: App, folder: str, days: str) -> None:
    """Remove mail from FOLDER of each account after DAYS days."""
    editor, actor = app.engine.editor, app.engine.actor
    draft = app.engine.context_settings("draft")
    if draft.row(Expiration, folder) is None:
        editor.add_row(SECTION, {"folder": folder, "days": days}, actor)
    else:
        editor.change_row(SECTION, folder, {"days": days}, actor)
    app.say(f"mail in {folder} is removed after {counted(int(days), 'day')}; {SAVE}")


@expiry_group.command("remove")
@click.argument("folder")
@pass_app
def remove_rule(app: App, folder: str) -> None:
    """Keep what is in FOLDER."""
    app.engine.editor.remove_row(SECTION, folder, app.engine.actor)
    app.say(f"mail in {folder} is kept; {SAVE}")


@expiry_group.command("run")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@click.option("--quiet", is_flag=True, help="Say nothing when all went well.")
@pass_app
def run(app: App, dry_run: bool, quiet: bool) -> None:
    """Remove what is old now, by the saved settings."""
    app.engine.require_enabled("mail_retrieval")
    context, machine = app.engine.context("running"), app.engine.machine
    now = machine.now()
    if dry_run:
        found = expiry.find_expired(context, machine, now)
        _show(app, "Would be removed", tuple(islice(found, SHOWN)), more=sum(1 for _ in found))
        return
    done = expiry.expire(context, machine, now)
    told = f"{counted(done.count, 'message')} removed"
    app.note("expiry run", told)
    if not quiet:
        app.say(told)


@expiry_group.command("log")
@click.argument("run", required=False)
@pass_app
def log(app: App, run: str | None) -> None:
    """List the runs that removed mail, or show what one of them removed."""
    app.engine.require_enabled("mail_retrieval")
    context, machine = app.engine.context("running"), app.engine.machine
    if run:
        found = expiry.read_run(context, machine, run)
        _show(app, f"Run {run}", found.removals, more=found.count - len(found.removals))
        return
    runs = [(name, expiry.read_run(context, machine, name))
            for name in expiry.list_runs(context, machine)]  # fmt: skip
    rows = [(name, app.time(found.at), found.count) for name, found in runs]
    app.print_table("Runs", ("Run", "At", "Messages"), rows)


def _show(app: App, title: str, removals: tuple[expiry.Removal, ...], *, more: int) -> None:
    rows = [(item.account, item.folder, item.uid, item.saved, item.size) for item in removals]
    app.print_table(title, ("Account", "Folder", "UID", "Saved", "Bytes"), rows)
    if more:
        app.warn(f"and {more} more")
