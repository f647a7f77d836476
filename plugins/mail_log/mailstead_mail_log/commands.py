"""The command ``log``: what became of messages, and who tried to log in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import InvalidValue, types
from mailstead_mail_log import queries
from mailstead_mail_log.events import EVENTS
from mailstead_mail_log.following import follow
from mailstead_mail_log.reading import catch_up
from mailstead_mail_log.store import LogStore

DAY = 86400.0
AGE, IP = types.field_type_of(types.Duration), types.field_type_of(types.IPAddress)
STATUS = (
    "sent", "deferred", "bounced", "rejected", "expired", "deleted", "deliverable", "undeliverable",
)  # fmt: skip
LIMIT = click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 10000),
    help="Show at most so many.",
)  # fmt: skip
DAYS = click.option(
    "--days", default=7, show_default=True, type=click.IntRange(1, 3650), help="Look back so far."
)


@contextmanager
def opened(app: App) -> Iterator[LogStore]:
    """Open the table and read the logs on, so that answers are of now."""
    app.engine.require_enabled("mail_log")
    context = app.engine.context("running")
    with LogStore.open(context) as store:
        catch_up(context, app.engine.machine, store)
        yield store


@click.group("log")
def log_group() -> None:
    """What became of each message."""


@log_group.command("search")
@click.option("--sender", help="An address, @domain, a part, or '<>' for mail without a sender.")
@click.option(
    "--recipient", default="", help="An address, @domain or part, of who got it or was written to."
)
@click.option("--status", type=click.Choice(STATUS), help="How it ended.")
@click.option("--event", type=click.Choice(tuple(EVENTS)), help="Why.")
@click.option("--client", default="", metavar="IP", help="Address of the client.")
@click.option("--since", default="", metavar="AGE", help="Not older than, such as 2h or 3d.")
@click.option("--until", default="", metavar="AGE", help="Older than.")
@click.option("--before", default=0, help="Go on after the entry with this number.")
@LIMIT
@pass_app
def search(
    app: App, /, since: str, until: str, client: str, limit: int, **wanted: str | int | None
) -> None:
    """Search messages, newest first: one line for each recipient."""
    given = {name: value for name, value in wanted.items() if value is not None}
    if given.get("sender") == "":
        given["sender"] = queries.EMPTY
    asked = queries.Search(
        **given,  # type: ignore[arg-type]
        client=_parse("client", IP, client) if client else "",
        since=_moment(app, "since", since),
        until=_moment(app, "until", until),
        limit=limit + 1,
    )
    with opened(app) as store:
        found = queries.search(store, asked)
    _print(app, "Messages", found[:limit])
    if len(found) > limit:
        app.warn(f"there are more: --before {found[limit - 1].id}")


@log_group.command("show")
@click.argument("message", metavar="QUEUE_ID|MESSAGE_ID")
@pass_app
def show(app: App, message: str) -> None:
    """Show every step of a message, and of what came of it."""
    with opened(app) as store:
        steps = queries.journey(store, message)
    rows = [(app.time(step.at), step.queue_id, step.program, step.text) for step in steps]
    app.print_table(f"Message {message}", ("At", "Queue ID", "Program", "What"), rows)


@log_group.command("top")
@click.argument("what", type=click.Choice(("senders", "recipients")))
@DAYS
@LIMIT
@pass_app
def top(app: App, what: str, days: int, limit: int) -> None:
    """List who sent or got most mail that was delivered.

    A message to several is one; copies for catch-alls do not count.
    """
    column: Literal["sender", "recipient"] = "sender" if what == "senders" else "recipient"
    with opened(app) as store:
        found = queries.top(store, column, app.engine.machine.now() - days * DAY, limit)
    app.print_table(f"Top {what}", ("Address", "Messages", "Bytes"), found)


@log_group.command("days")
@DAYS
@pass_app
def count_days(app: App, days: int) -> None:
    """Count messages by day.

    One to several is one in each column that holds for any of them; what was rejected counts by
    recipient, and copies for catch-alls do not count.
    """
    with opened(app) as store:
        found = queries.days(store, app.engine.machine.now() - days * DAY)
    titles = ("Day", *map(str.capitalize, queries.ENDS))
    app.print_table("Mail by day", titles, [tuple(row.values()) for row in found])


@log_group.command("logins")
@click.option("--by", type=click.Choice(("client", "account")), default="client",
              show_default=True, help="What to count.")  # fmt: skip
@DAYS
@LIMIT
@pass_app
def logins(app: App, by: str, days: int, limit: int) -> None:
    """Count wrong logins, on any protocol."""
    column: Literal["client", "account"] = "client" if by == "client" else "account"
    since = app.engine.machine.now() - days * DAY
    with opened(app) as store:
        found = queries.wrong_logins(store, column, since, limit)
    rows = [(name, count, app.time(last)) for name, count, last in found]
    app.print_table("Wrong logins", (by.capitalize(), "Attempts", "Last"), rows)


@log_group.command("tail")
@click.option("-n", "--lines", "count", default=10, show_default=True,
              type=click.IntRange(1, 10000), help="Show so many.")  # fmt: skip
@click.option("-f", "--follow", "goes_on", is_flag=True, help="Go on as mail comes; Ctrl-C ends.")
@pass_app
def tail(app: App, count: int, goes_on: bool) -> None:
    """Show the latest entries, oldest first."""
    with opened(app) as store:
        found = queries.search(store, queries.Search(limit=count))[::-1]
        _print(app, "Messages", found)
        last = found[-1].id if found else 0
        context, machine = app.engine.context("running"), app.engine.machine
        while goes_on:
            machine.sleep(1.0)
            catch_up(context, machine, store)
            new = queries.newer(store, last)
            for entry in new:
                app.say("  ".join(map(str, _row(app, entry))))
            last = new[-1].id if new else last


@log_group.command("follow", hidden=True)
@pass_app
def stay(app: App) -> None:
    """Read the logs as they are written, until ended; the daemon of this module."""
    engine = app.engine
    with LogStore.open(engine.context("running")) as store:
        follow(lambda: engine.context("running"), engine.machine, store, app.warn)


def _print(app: App, title: str, found: tuple[queries.Entry, ...]) -> None:
    titles = (
        "Number", "At", "Queue ID", "Sender", "Recipient", "Written to", "Status", "Event", "Kind",
        "Answer",
    )  # fmt: skip
    app.print_table(title, titles, [_row(app, entry) for entry in found])


def _row(app: App, entry: queries.Entry) -> tuple[object, ...]:
    # People are shown it where it is another; programs always.
    is_same = entry.written_to == entry.recipient
    written_to = "" if is_same and not app.json else entry.written_to
    return (
        entry.id, app.time(entry.at), entry.queue_id, entry.sender, entry.recipient, written_to,
        entry.status, entry.event, entry.kind, entry.text,
    )  # fmt: skip


def _moment(app: App, name: str, age: str) -> float:
    if not age:
        return 0.0
    seconds = int(_parse(name, AGE, age))
    return app.engine.machine.now() - seconds


def _parse(name: str, grammar: types.FieldType, text: str) -> str:
    try:
        return str(grammar.parse(text))
    except ValueError as error:
        hint = "" if "expected" in str(error) else f"accepted: {grammar.accepts}"
        raise InvalidValue(str(error), where=f"log.{name}", hint=hint) from None


commands: list[click.Command] = [log_group]
