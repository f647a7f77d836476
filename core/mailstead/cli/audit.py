"""The audit log: who did what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs
import click

from mailstead.cli.app import App, pass_app
from mailstead.moment import words_of

if TYPE_CHECKING:
    from mailstead.settings.audit import Entry

FAILED = 1


@click.group(invoke_without_command=True)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10000),
              help="Show at most so many.")  # fmt: skip
@click.option("--before", default=0, metavar="NUMBER", help="Only entries before this one.")
@click.option("--search", default="", metavar="TEXT", help="Only entries with this text.")
@pass_app
def audit(app: App, limit: int, before: int, search: str) -> None:
    """Show who did what, from where, newest first; secrets are never shown."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    found = app.engine.audit_log.entries(before=before, limit=limit, search=search)
    if app.json:
        app.emit([attrs.asdict(entry) for entry in found])
        return
    columns = ("Number", "When", "Who", "From", "What", "Old", "New", "State")
    app.print_table("Audit log, newest first", columns, map(_row, found))


@audit.command()
@pass_app
def verify(app: App) -> int:
    """Check that no entry was changed or removed. Exit status 1 when one was."""
    count, problem = app.engine.audit_log.verify()
    app.emit({"entries": count, "problem": problem})
    if problem:
        app.warn(f"the audit log is not whole: {problem}")
        return FAILED
    app.say(f"{count} entries, unbroken.")
    return 0


def _row(entry: Entry) -> tuple[object, ...]:
    is_edit = entry.event == "edit"
    what = entry.subject if is_edit else f"{entry.event} {entry.subject}"
    old, new = (_value(entry.old), _value(entry.new)) if is_edit else ("", "")
    return (entry.seq, words_of(entry.at), entry.who, entry.origin, what, old, new, entry.state)


def _value(text: str | None) -> object:
    return "" if text is None else json.loads(text)


commands = [audit]
