"""Files edited by hand: list, look, decide, get back what was kept aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import click

from mailstead.cli.answers import CONFLICTS, CONFLICTS_HELP, system_path
from mailstead.cli.app import App, pass_app

if TYPE_CHECKING:
    from mailstead.hand_edits.aside import Kept
    from mailstead.settings.decisions import Choice, Side


@click.group(invoke_without_command=True)
@pass_app
@click.pass_context
def edits(context: click.Context, app: App) -> None:
    """Show files edited by hand, and decide what saves make of them.

    Without a command: lists them, and the versions that saves have replaced and kept aside.
    """
    if context.invoked_subcommand is None:
        _list(app)


@edits.command()
@click.argument("file")
@pass_app
def show(app: App, file: str) -> None:
    """Show what was rendered, what you made of it, what is wanted now, and the merge."""
    from mailstead.cli.show_edits import edit_data, show_edit

    edit = app.engine.edits.look(system_path(app, file))
    if app.json:
        app.emit(edit_data(edit))
    else:
        show_edit(app, edit)


@edits.command()
@click.argument("file")
@pass_app
def keep(app: App, file: str) -> None:
    """Let a file stay as you edited it; the next save checks and records that.

    You are asked again when you edit it before that save, and whenever Mailstead would change it.
    """
    _decide(app, file, "keep")
    app.say(f"{file} stays as it is; you are asked again when Mailstead wants to change it.")


@edits.command()
@click.argument("file")
@pass_app
def take(app: App, file: str) -> None:
    """Let the next save replace a file by Mailstead's; yours is kept aside.

    You are asked again when you edit it before that save.
    """
    _decide(app, file, "take")
    app.say(f"{file} is replaced by the next save; yours is kept aside then.")


@edits.command()
@click.argument("file")
@click.option("--conflicts", type=CONFLICTS, help=CONFLICTS_HELP)
@pass_app
def merge(app: App, file: str, conflicts: Side | None) -> None:
    """Let the next save merge your edit with what Mailstead wants.

    Later saves merge again by themselves; where that conflicts, you are asked.
    """
    _decide(app, file, "merge", conflicts)
    app.say(f"{file} is merged by the next save, and by later ones while nothing conflicts.")


@edits.command()
@click.argument("file")
@pass_app
def ask(app: App, file: str) -> None:
    """Take back what was decided and not saved yet."""
    app.engine.edits.ask_again(system_path(app, file))
    app.say(f"Nothing is decided about {file} any more.")


@edits.command()
@click.argument("file")
@click.argument("version", required=False, default="")
@pass_app
def restore(app: App, file: str, version: str) -> None:
    """Put a version that was kept aside back, as a hand edit: the latest, or VERSION."""
    kept = app.engine.edits.restore(system_path(app, file), version)
    app.say(f"{kept.path} is version {kept.id} again, as if you had edited it; "
            "`mailstead plan` shows what becomes of it.")  # fmt: skip


def _decide(app: App, file: str, choice: Choice, conflicts: Side | None = None) -> None:
    from mailstead.hand_edits.answers import Answer

    app.engine.edits.decide(Answer(system_path(app, file), choice, conflicts))


def _list(app: App) -> None:
    from mailstead.cli.show_edits import age, show_files

    files = [item for row in app.engine.status() for item in row.edits]
    aside = app.engine.edits.kept_aside()
    if app.json:
        app.emit({"edited": [attrs.asdict(item) for item in files],
                  "aside": [_kept_data(item) for item in aside]})  # fmt: skip
        return
    show_files(app, files)
    app.print_table("Kept aside", ("File", "Version", "Bytes", "For", "By"), (
        (item.path, item.id, item.size, age(app, item.at), item.who) for item in aside
    ))  # fmt: skip
    if aside:
        app.say("`mailstead edits restore FILE VERSION` puts one back.")


def _kept_data(kept: Kept) -> dict[str, object]:
    return {"path": kept.path, "version": kept.id, "at": kept.at, "by": kept.who,
            "bytes": kept.size}  # fmt: skip


commands = [edits]
