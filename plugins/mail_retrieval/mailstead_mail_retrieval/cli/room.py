"""The command ``room``: which mailboxes Postfix need not ask about. For jobs, not for people."""

from __future__ import annotations

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import MachineError, counted
from mailstead_mail_retrieval.finding_room import find_room
from mailstead_mail_smtp.addresses import room
from mailstead_users.opening import open_directory


@click.group("room")
def room_group() -> None:
    """Know which mailboxes have room; cron and Dovecot run this."""


@room_group.command("find")
@click.option("--quiet", is_flag=True, help="Say nothing, unless Dovecot did not answer.")
@pass_app
def find(app: App, quiet: bool) -> None:
    """Find out which mailboxes have room that are not known to.

    One that Dovecot says nothing of goes on being asked about; the exit status is 1 then.
    """
    app.engine.require_enabled("mail_retrieval")
    context = app.engine.context("running")
    with open_directory(context) as directory:
        count, troubles = 0, list[MachineError]()
        for look in find_room(context, app.engine.machine, directory):
            count += look.has_room
            if look.trouble is not None:
                troubles.append(look.trouble)
    if not quiet:
        app.say(f"found to have room: {counted(count, 'mailbox', 'mailboxes')}")
    if troubles:
        app.warn(f"{counted(len(troubles), 'mailbox', 'mailboxes')} could not be looked at")
        raise troubles[0]


@room_group.command("filling")
@click.argument("address")
@pass_app
def filling(app: App, address: str) -> None:
    """Let Postfix ask about ADDRESS, which fills: quota_warning of Dovecot."""
    with open_directory(app.engine.context("running")) as directory, directory.write() as writing:
        room.forget(writing, address.lower())
