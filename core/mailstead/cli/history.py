"""What was saved and what was tried: list, look at one, keep and drop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import click

from mailstead.cli.app import App, pass_app

if TYPE_CHECKING:
    from mailstead.history.entries import Entry

COLUMNS = ("Revision", "When", "Who", "From", "Settings", "Files", "State", "Comment")


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
              help="How many to list.")  # fmt: skip
@click.option("--before", type=click.IntRange(min=1), metavar="REVISION",
              help="List only what came before this revision.")  # fmt: skip
@click.pass_context
def history(context: click.Context, limit: int, before: int | None) -> None:
    """List revisions, newest first, and between them the saves that did not become one."""
    if context.invoked_subcommand is not None:
        return
    app = context.find_object(App)
    assert app is not None  # noqa: S101 - made by the command above
    entries = app.engine.history.entries(limit, before)
    if app.json:
        app.emit([attrs.asdict(entry) for entry in entries])
        return
    app.print_table("History", COLUMNS, map(_row, entries))
    if any(entry.state == "waits to be confirmed" for entry in entries):
        app.say("Confirm with `mailstead confirm`, or take it back with `mailstead revert`.")


@history.command()
@click.argument("revision", type=int)
@pass_app
def show(app: App, revision: int) -> None:
    """Show a revision: who, when, why, the settings it changed and the files it wrote."""
    from mailstead.cli.differences import change_data, file_data, show_changes, show_files

    past = app.engine.history
    entry = past.entry(revision)
    changes, files = past.changes(revision), past.files(revision)
    if app.json:
        data = {"changes": change_data(changes), "files": file_data(files)}
        app.emit({**attrs.asdict(entry), **data})
        return
    app.print_record(f"Revision {revision}", _words(entry))
    if entry.settings is None:
        app.say("What it changed was dropped by `mailstead history prune`.")
        return
    show_changes(app, "Settings", changes)
    show_files(app, files)


@history.command()
@click.argument("revision", type=int)
@click.argument("why")
@pass_app
def pin(app: App, revision: int, why: str) -> None:
    """Keep a revision, and all that came after it, through any pruning."""
    app.engine.history.pin(revision, why)
    app.say(f"Revision {revision} is kept: {why}")


@history.command()
@click.argument("revision", type=int)
@pass_app
def unpin(app: App, revision: int) -> None:
    """Let pruning drop a revision again."""
    app.engine.history.unpin(revision)
    app.say(f"Revision {revision} may be pruned.")


@history.command()
@click.option("--keep", type=int, required=True, metavar="N",
              help="How many of the last revisions are kept whole.")  # fmt: skip
@pass_app
def prune(app: App, keep: int) -> None:
    """Drop what older revisions changed, and contents of files that nothing refers to.

    The revisions stay listed, but cannot be shown, compared or returned to any more.
    """
    app.confirm(f"Drop what is older than the last {keep} revisions, but for what is pinned?")
    found = app.engine.history.prune(keep)
    app.emit(attrs.asdict(found))
    app.say(f"Dropped {found.changes} changes of settings, {found.files} versions of files and "
            f"{found.contents} contents; whole from revision {found.first} on.")  # fmt: skip


def _row(entry: Entry) -> tuple[object, ...]:
    from mailstead.moment import words_of

    pinned = f"[kept: {entry.pinned}]" if entry.pinned else ""
    remarks = (entry.comment, entry.reason, pinned)
    return (entry.number, words_of(entry.at), entry.who, entry.origin, entry.settings,
            entry.files, entry.state, "; ".join(filter(None, remarks)))  # fmt: skip


def _words(entry: Entry) -> dict[str, object]:
    from mailstead.moment import words_of

    shown: dict[str, object] = {
        "comment": entry.comment,
        "who": entry.who,
        "when": words_of(entry.at),
        "from": entry.origin,
        "plan": entry.plan,
    }
    rest = {"state": entry.state, "reason": entry.reason, "pinned": entry.pinned}
    return shown | {name: value for name, value in rest.items() if value}


commands = [history]
