"""The command ``room``: which mailboxes Postfix need not ask about. For jobs, not for people."""

from __future__ import annotations

import click

from mailstead.cli.app import App, pass_app
from mailstead_mail_retrieval.finding_room import find_room
from mailstead_mail_smtp.addresses import room
from mailstead_users.opening import open_directory


@click.group("room")
def room_group() -> None:
    """Know which mailboxes have room; cron and Dovecot run this."""


@room_group.command("find")
@click.option("--quiet", is_flag=True, help="Say nothing.")
@pass_app
def find(app: App, quiet: bool) -> None:
    """Find out which mailboxes have room that are not known to."""
    app.engine.require_enabled("mail_retrieval")
    context = app.engine.context("running")
    with open_directory(context) as directory:
        count = sum(1 for _ in find_room(context, app.engine.machine, directory))
    if not quiet:
        app.say(f"{count} mailboxes were found to have room")


@room_group.command("filling")
@click.argument("address")
@pass_app
def filling(app: App, address: str) -> None:
    """Let Postfix ask about ADDRESS, which fills: quota_warning of Dovecot."""
    with open_directory(app.engine.context("running")) as directory, directory.write() as writing:
        room.forget(writing, address.lower())
