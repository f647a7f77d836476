"""Plan, save, discard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailstead.cli.app import App, pass_app

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
@pass_app
def save(app: App, comment: str, expected: str, overwrite: tuple[str, ...]) -> int:
    """Save the changes: checked first, proven afterwards, undone when anything fails."""
    from mailstead.cli.progress import shown_progress

    with shown_progress(app) as progress:
        result = app.engine.save(
            progress=progress, comment=comment, overwrite=overwrite, expected=expected
        )
    tell_result(app, result)
    return STATUS[result.outcome]


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


def tell_result(
    app: App, result: SaveResult, undone: str = "your changes are still in the draft"
) -> None:
    """Tell how a save ended; ``undone`` says what became of the draft otherwise."""
    app.emit(
        {
            "outcome": result.outcome,
            "revision": result.revision,
            "reason": result.reason,
            "commands": result.commands,
        }
    )
    if result.outcome == "committed":
        app.say(f"Saved as revision {result.revision}.")
    elif result.outcome == "nothing to do":
        app.say("There is nothing to save.")
    else:
        app.warn(f"{result.outcome}: {result.reason}")
        if result.outcome == "rolled back":
            app.say(f"Everything is as it was; {undone}.")
        for command in result.commands:
            app.say(f"run: {command}")


commands = [plan, save, discard]
