"""Plan, save, discard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailstead.cli.answers import answer_options, answers_of
from mailstead.cli.app import App, pass_app
from mailstead.cli.recover import Duration, tell_recovered
from mailstead.counting import counted
from mailstead.errors import PlanMoved

if TYPE_CHECKING:
    from mailstead.transaction.request import Request, SaveResult

STATUS = {"committed": 0, "nothing to do": 0, "rolled back": 5, "needs operator": 6}


@click.command()
@answer_options
@pass_app
def plan(app: App) -> None:
    """Show what saving would do: settings, files with diffs, packages, actions, checks."""
    from mailstead.cli.show import show_plan

    found = app.engine.plan(answers=answers_of(app))
    app.engine.history.remember(found)
    show_plan(app, found)


@click.command()
@click.option("--comment", default="", help="Kept with the revision.")
@click.option("--plan", "expected", default="", metavar="ID",
              help="Save only if the plan is still this one.")  # fmt: skip
@answer_options
@click.option("--confirm", type=Duration(), metavar="TIME",
              help="Undo it unless it is confirmed within this time, such as 10m.")  # fmt: skip
@click.option("--by", "allowed", multiple=True, metavar="NAME",
              help="Who else may confirm it.")  # fmt: skip
@pass_app
def save(
    app: App,
    comment: str,
    expected: str,
    confirm: float | None,
    allowed: tuple[str, ...],
) -> int:
    """Save the changes: checked first, proven afterwards, undone when anything fails."""
    from mailstead.transaction.request import Request

    return save_as_asked(app, Request(comment, expected, answers_of(app), confirm or 0.0, allowed))


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
    app.confirm(f"Drop {counted(count, 'unsaved change')}?")
    app.engine.discard()
    app.say("Dropped; the settings are as they were last saved.")


def save_as_asked(app: App, request: Request) -> int:
    """Save, show how it goes and how it ended; gives the exit status. Raises as the engine."""
    from mailstead.cli.moved import show_moved
    from mailstead.cli.progress import shown_progress

    try:
        with shown_progress(app) as progress:
            result = app.engine.save(request, progress=progress)
    except PlanMoved as error:
        show_moved(app, error.moved)
        raise
    tell_result(app, result, "; your changes are still in the draft" if not request.back_to else "")
    return STATUS[result.outcome]


def tell_result(app: App, result: SaveResult, undone: str = "") -> None:
    """Tell how a save ended; ``undone`` says what became of the draft otherwise."""
    app.emit(
        {
            "outcome": result.outcome,
            "revision": result.revision,
            "reason": result.reason,
            "commands": result.commands,
            "warnings": result.warnings,
            "notes": result.plan.notes,
            "confirm_seconds": result.wait.seconds if result.wait else None,
        }
    )
    for warning in result.warnings:
        app.warn(warning)
    if result.outcome == "committed":
        app.say(f"Saved as revision {result.revision}.")
        for note in result.plan.notes:
            app.say(note)
        if result.wait:
            names = ", ".join(dict.fromkeys(result.wait.allowed))
            app.say(f"It is undone in {result.wait.seconds:g} s unless {names} runs "
                    "`mailstead confirm` over another connection.")  # fmt: skip
    elif result.outcome == "nothing to do":
        reason = f" ({result.reason})" if result.reason else ""
        app.say(f"There is nothing to save{reason}.")
    else:
        app.warn(f"{result.outcome}: {result.reason}")
        if result.outcome == "rolled back":
            app.say(f"Revision {result.revision} is served, as before{undone}.")
        for command in result.commands:
            app.say(f"run: {command}")


commands = [plan, save, confirm, revert, discard]
