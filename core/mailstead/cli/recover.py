"""Recovery: what a save left that was killed, could not be undone, or waits to be confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mailstead.cli.app import App, pass_app

if TYPE_CHECKING:
    from mailstead.journal.recover import Recovered

OPERATOR = 6
LEAST = 1


class Duration(click.ParamType[float]):
    """A time in seconds, or such as 90s, 10m or 2h."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Give the seconds."""
        from mailstead.settings.values import duration

        try:
            seconds = duration().parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if seconds < LEAST:
            self.fail("it must be a second at least", param, ctx)
        return float(seconds)


@click.command()
@click.option("--abandon", is_flag=True,
              help="Give up undoing: what stands there now counts as edited by hand.")  # fmt: skip
@click.option("--boot", is_flag=True,
              help="The machine is starting: put files back, leave daemons to it.")  # fmt: skip
@click.option("--watch", type=int, metavar="SAVE",
              help="Wait until this save is confirmed; undo it when nobody does.")  # fmt: skip
@click.option("--rebuild", is_flag=True,
              help="Make damaged settings anew of what can be read of them.")  # fmt: skip
@pass_app
def recover(app: App, abandon: bool, boot: bool, watch: int | None, rebuild: bool) -> int:
    """Finish what a save left that was killed or could not be undone.

    Every command does this for a save that was killed; here it is also tried again for one that
    needed an operator.
    """
    from mailstead.cli.progress import shown_progress

    if rebuild:
        return _rebuild(app)
    if boot:
        app.booting = True
    engine = app.engine  # opening it recovers
    if watch is not None:
        found = engine.watch(watch)
        return tell_recovered(app, found) if found else 0
    if abandon:
        return _abandon(app)
    with shown_progress(app) as progress:
        found = engine.recover(progress) or engine.recovered
    if found is None:
        app.say("There is nothing to recover.")
        return 0
    return tell_recovered(app, found)


def tell_recovered(app: App, found: Recovered) -> int:
    """Tell what became of a save; gives the exit status."""
    app.emit({"outcome": found.outcome, "revision": found.revision, "reason": found.reason,
              "commands": found.commands})  # fmt: skip
    app.say(f"{found}.")
    for command in found.commands:
        app.say(f"run: {command}")
    return OPERATOR if found.outcome == "needs operator" else 0


def _rebuild(app: App) -> int:
    from mailstead.engine import Engine

    app.confirm("Make the settings anew of what can be read, and keep the damaged file aside?")
    found = Engine.rebuild(app.prefix)
    app.emit({"rows": found.rows, "incomplete": found.incomplete, "aside": found.aside})
    app.say(f"{sum(found.rows.values())} rows were saved; the damaged file is {found.aside}.")
    if found.incomplete:
        app.warn(f"rows are missing in: {', '.join(found.incomplete)}")
    app.say("Look at `mailstead plan` before you save.")
    return 0


def _abandon(app: App) -> int:
    app.confirm("Leave the files as they stand now, as if they were edited by hand?")
    record = app.engine.abandon()
    if record is None:
        app.say("There is nothing to abandon.")
    else:
        app.say("Abandoned; `mailstead plan` shows what differs.")
    return 0


commands = [recover]
