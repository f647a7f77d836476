"""The command ``queue``: what waits to be delivered; changes take effect at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import InvalidValue, Path, types
from mailstead_mail_smtp.places import CONFIG
from mailstead_mail_smtp.postfix.filters import NO_TRANSPORT
from mailstead_mail_smtp.queue.actions import Action, change_messages, flush, retry
from mailstead_mail_smtp.queue.content import read_content, require_messages
from mailstead_mail_smtp.queue.filters import EMPTY, Filter
from mailstead_mail_smtp.queue.ids import check_ids
from mailstead_mail_smtp.queue.listing import count_messages, find_ids, list_messages
from mailstead_mail_smtp.queue.messages import NAMES, Message

SHOWN = 10  # recipients of a message shown in a list
NAMED = 20  # ids named in the audit log
STOPPED = "Postfix is stopped: nothing of this is delivered; run `mailstead start mail_smtp`"
STRANDED = (
    f"'{NO_TRANSPORT}': this waits for a mail filter or another service that is no more; run "
    f"`mailstead queue requeue --reason '{NO_TRANSPORT}'`"
)
GIVEN = ("sender", "recipient", "reason", "queue", "older", "newer")
Given = Mapping[str, str | None]
DONE = {"delete": "deleted", "hold": "held", "release": "released", "requeue": "requeued"}
DURATION = types.field_type_of(types.Duration)
COLUMNS = ("Id", "Queue", "Size", "Arrived", "Sender", "Recipient", "Reason")
FILTERS = (
    click.option("--sender", metavar="TEXT",
                 help="Sent by an address, @domain, what contains this, or nobody: '<>'."),
    click.option("--recipient", default="", metavar="TEXT", help="To such an address."),
    click.option("--reason", default="", metavar="TEXT", help="Not delivered because of this."),
    click.option("--queue", type=click.Choice(NAMES), help="In this queue."),
    click.option("--older", metavar="TIME", help="Here for longer, such as 2h or 3d."),
    click.option("--newer", metavar="TIME", help="Here for less."),
)  # fmt: skip
IDS = click.argument("ids", nargs=-1, metavar="ID...")
ALL = click.option("--all", "every", is_flag=True, help="All messages.")


@click.group("queue")
def queue_group() -> None:
    """Mail that waits to be delivered; changes take effect at once."""


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose messages, as one mapping ``given``."""

    @wraps(command)
    def call(**words: Any) -> None:
        given = {name: words.pop(name) for name in GIVEN}
        command(given=given, **words)

    for option in reversed(FILTERS):
        call = option(call)
    return call


@queue_group.command("list")
@filtered
@click.option("--after", default="", metavar="ID", help="Begin after this id.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10000),
              help="Most messages to list.")  # fmt: skip
@pass_app
def list_queue(app: App, after: str, limit: int, given: Given) -> None:
    """List messages in order of id, a page at a time, with a line for each recipient."""
    wanted = _filter(app, given)
    if after:
        check_ids((after,))
    page = list_messages(app.engine.machine, _config(app), wanted, after=after, limit=limit)
    _tell_stopped(app, page.is_stopped)
    if app.json:
        app.emit([_data(message) for message in page.messages])
    else:
        rows = [row for message in page.messages for row in _rows(message)]
        app.print_table("Queue", COLUMNS, rows)
    if any(NO_TRANSPORT in to.reason for message in page.messages for to in message.recipients):
        app.warn(STRANDED)
    if page.total > len(page.messages):
        app.say(f"{len(page.messages)} of {page.total} messages")
    if len(page.messages) == limit:
        app.say(f"for more: --after {page.messages[-1].id}")


@queue_group.command("count")
@pass_app
def count(app: App) -> None:
    """Count the messages of each queue, with their size in bytes and the oldest of them."""
    counts, is_stopped = count_messages(app.engine.machine, _config(app))
    _tell_stopped(app, is_stopped)
    rows = [
        (name, found.messages, found.size, _time(found.oldest) if found.oldest else None)
        for name, found in sorted(counts.items())
    ]
    app.print_table("Queue", ("Queue", "Messages", "Size", "Oldest"), rows)


@queue_group.command("show")
@click.argument("queue_id", metavar="ID")
@click.option("--headers", is_flag=True, help="Only the header.")
@pass_app
def show(app: App, queue_id: str, headers: bool) -> None:
    """Show header and body of a message as they were sent, up to a million characters.

    Nothing is interpreted, and control characters are made visible.
    """
    content = read_content(app.engine.machine, _config(app), queue_id, headers=headers)
    app.emit({"id": queue_id, "content": "\n".join(content.lines), "cut": content.is_cut})
    for line in content.lines:
        app.say(line.replace("\t", "    "))
    if content.is_cut:
        app.warn("there is more of it")


@queue_group.command("delete")
@IDS
@ALL
@filtered
@pass_app
def delete(app: App, ids: tuple[str, ...], every: bool, given: Given) -> None:
    """Delete messages for ever: by id, all, or those that a filter finds; asks before."""
    _change(app, "delete", ids, every=every, given=given, ask=True)


@queue_group.command("hold")
@IDS
@ALL
@filtered
@pass_app
def hold(app: App, ids: tuple[str, ...], every: bool, given: Given) -> None:
    """Keep messages: they are not delivered, and do not expire, until they are released."""
    _change(app, "hold", ids, every=every, given=given)


@queue_group.command("release")
@IDS
@ALL
@filtered
@pass_app
def release(app: App, ids: tuple[str, ...], every: bool, given: Given) -> None:
    """Let messages that are on hold go on."""
    _change(app, "release", ids, every=every, given=given)


@queue_group.command("requeue")
@IDS
@ALL
@filtered
@pass_app
def requeue(app: App, ids: tuple[str, ...], every: bool, given: Given) -> None:
    """Take messages in anew, with the recipients they have now; held ones are released too.

    For when a domain, the filter or where mail goes was changed. What an alias led to when the
    message came stays: only an alias of the very address that `queue list` shows is followed.
    Each gets another id. Postfix looks for them once a minute, and at `queue flush`.
    """
    _change(app, "requeue", ids, every=every, given=given, ask=not ids)


@queue_group.command("retry")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@pass_app
def retry_messages(app: App, ids: tuple[str, ...]) -> None:
    """Try deferred messages at once, as they are; `queue flush` tries all."""
    held = retry(app.engine.machine, _config(app), ids)
    app.note("queue retry", _named(ids))
    app.say(f"{_messages(len(set(ids)) - len(held))} will be tried now")
    if held:
        app.warn(f"on hold, see `mailstead queue release`: {_named(held)}")


@queue_group.command("flush")
@pass_app
def flush_queue(app: App) -> None:
    """Try all messages at once but those on hold."""
    flush(app.engine.machine, _config(app))
    app.note("queue flush", "all")
    app.say("all messages will be tried now")


def _change(
    app: App, action: Action, ids: tuple[str, ...], *, every: bool, given: Given, ask: bool = False
) -> None:
    machine, config = app.engine.machine, _config(app)
    found = _choose(app, config, ids, every=every, given=given)
    if not found:
        app.say("there are no such messages")
        return
    what = _messages(len(found))
    which = _named(found) if ids else _words(given)
    if ask:
        app.confirm(f"{action.capitalize()} {what} ({which})?")
    done = change_messages(machine, config, action, found)
    app.note(f"queue {action}", which if ids else f"{done} of {what}: {which}")
    app.say(f"{done} of {what} {DONE[action]}")


def _choose(
    app: App, config: Path, ids: tuple[str, ...], *, every: bool, given: Given
) -> tuple[str, ...]:
    if given["sender"] == "":
        problem = "nothing is given, which may be a variable that is not set"
        hint = f"mail without a sender is --sender '{EMPTY}'"
        raise InvalidValue(problem, where="queue.sender", hint=hint)
    wanted = _filter(app, given)
    if (bool(ids), every, not wanted.is_empty).count(True) != 1:
        hint = "give ids, or --all, or options such as --sender"
        raise InvalidValue("say which messages, in one way", where="queue", hint=hint)
    if not ids:
        return find_ids(app.engine.machine, config, wanted)
    ids = check_ids(ids)
    require_messages(app.engine.machine, config, ids)
    return ids


def _filter(app: App, given: Given) -> Filter:
    return Filter(
        sender=EMPTY if given["sender"] == "" else given["sender"] or "",
        recipient=given["recipient"] or "",
        reason=given["reason"] or "",
        queue=given["queue"] or "",
        before=_ago(app, given["older"], "older"),
        since=_ago(app, given["newer"], "newer"),
    )


def _ago(app: App, words: str | None, option: str) -> float | None:
    if words is None:
        return None
    try:
        return app.engine.machine.now() - float(DURATION.parse(words))
    except ValueError as error:
        raise InvalidValue(str(error), where=f"queue.{option}", hint="such as 2h or 3d") from None


def _config(app: App) -> Path:
    app.engine.require_enabled("mail_smtp")
    return app.engine.instance.path(CONFIG)


def _tell_stopped(app: App, is_stopped: bool) -> None:
    if is_stopped:
        app.warn(STOPPED)


def _data(message: Message) -> dict[str, Any]:
    recipients = [{"address": to.address, "reason": to.reason} for to in message.recipients]
    return {
        "id": message.id, "queue": message.queue, "size": message.size,
        "arrived": _time(message.arrived), "sender": message.sender, "recipients": recipients,
        "cut": message.is_cut,
    }  # fmt: skip


def _rows(message: Message) -> Iterator[tuple[object, ...]]:
    head = (message.id, message.queue, message.size, _time(message.arrived), message.sender)
    for item in message.recipients[:SHOWN]:
        yield (*head, item.address, item.reason)
    more = len(message.recipients) - SHOWN
    if more > 0:
        yield (*head, f"and {more} more", "")
    if not message.recipients:
        yield (*head, "", "")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().isoformat(" ", "seconds")


def _messages(number: int) -> str:
    return f"{number} message{'' if number == 1 else 's'}"


def _words(given: Given) -> str:
    return ", ".join(f"{name} {text}" for name, text in given.items() if text) or "all"


def _named(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more
