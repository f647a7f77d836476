"""Plan, save, discard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailstead.cli.app import App, pass_app
from mailstead.cli.recover import Duration, tell_recovered

if TYPE_CHECKING:
    from mailstead.transaction.save import SaveResult

STATUS = {"committed": 0, "nothing to do": 0, "rolled back": 5, "needs operator": 6}


@click.command()
@pass_app
def plan(app: App) -> None:
    """Show what saving would do: settings, files with diffs, packages, actions, checks."""
    from mailstead.cli.show import show_plan

    show_plan(app, app.engine.plan())


@click.command()
@click.option("--comment", default="", help="Kept with the revision.")
@click.option("--plan", "expected", default="", metavar="ID",
              help="Save only if the plan is still this one.")  # fmt: skip
@click.option("--overwrite", multiple=True, metavar="FILE",
              help="Replace this hand-edited file; yours is kept aside.")  # fmt: skip
@click.option("--confirm", type=Duration(), metavar="TIME",
              help="Undo it unless it is confirmed within this time, such as 10m.")  # fmt: skip
@click.option("--by", "allowed", multiple=True, metavar="NAME",
              help="Who else may confirm it.")  # fmt: skip
@pass_app
def save(
    app: App,
    comment: str,
    expected: str,
    overwrite: tuple[str, ...],
    confirm: float | None,
    allowed: tuple[str, ...],
) -> int:
    """Save the changes: checked first, proven afterwards, undone when anything fails."""
    from mailstead.cli.progress import shown_progress
    from mailstead.transaction.save import Request

    request = Request(comment, expected, overwrite, confirm or 0.0, allowed)
    with shown_progress(app) as progress:
        result = app.engine.save(request, progress=progress)
    _tell(app, result)
    return STATUS[result.outcome]


@click.command()
@pass_app
def confirm(app: App) -> None:
    """Confirm the save that waits for it; over another connection than it was saved over."""
    record = app.engine.confirm()
    app.say(f"Revision {record.revision} is confirmed.")


@click.command()
@pass_app
def revert(app: App) -> int:
    """Undo the save that waits to be confirmed, without waiting for its time to end."""
    from mailstead.cli.progress import shown_progress

    app.confirm("Undo the save that waits to be confirmed?")
    with shown_progress(app) as progress:
        found = app.engine.revert(progress)
    return tell_recovered(app, found)


@click.command()
@pass_app
def discard(app: App) -> None:
    """Drop all unsaved changes."""
    count = len(app.engine.store.draft_changes())
    if not count:
        app.say("There are no unsaved changes.")
        return
    app.confirm(f"Drop {count} unsaved changes?")
    app.engine.discard()
    app.say("Dropped; the settings are as they were last saved.")


def _tell(app: App, result: SaveResult) -> None:
    app.emit(
        {
            "outcome": result.outcome,
            "revision": result.revision,
            "reason": result.reason,
            "commands": result.commands,
            "warnings": result.warnings,
            "confirm_seconds": result.wait.seconds if result.wait else None,
        }
    )
    for warning in result.warnings:
        app.warn(warning)
    if result.outcome == "committed":
        app.say(f"Saved as revision {result.revision}.")
        if result.wait:
            names = ", ".join(dict.fromkeys(result.wait.allowed))
            app.say(f"It is undone in {result.wait.seconds:g} s unless {names} runs "
                    "`mailstead confirm` over another connection.")  # fmt: skip
    elif result.outcome == "nothing to do":
        app.say("There is nothing to save.")
    else:
        app.warn(f"{result.outcome}: {result.reason}")
        if result.outcome == "rolled back":
            app.say(f"Revision {result.revision} is served, as before; "
                    "your changes are still in the draft.")  # fmt: skip
        for command in result.commands:
            app.say(f"run: {command}")


commands = [plan, save, confirm, revert, discard]
