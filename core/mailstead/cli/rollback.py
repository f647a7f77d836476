"""Go back to an earlier revision by a save like any other."""

from __future__ import annotations

import click

from mailstead.cli.answers import answer_options, answers_of
from mailstead.cli.app import App, pass_app
from mailstead.cli.complete import module_names


@click.command()
@click.argument("revision", type=int)
@click.option("--module", default="", metavar="MODULE", shell_complete=module_names,
              help="Only this module's settings, and whether it is enabled.")  # fmt: skip
@click.option("--restore", is_flag=True,
              help="Put back the files that stood there before a module it disables.")  # fmt: skip
@click.option("--comment", default="", help="Kept with the new revision.")
@answer_options
@pass_app
def rollback(app: App, revision: int, module: str, restore: bool, comment: str) -> int:
    """Make the settings what they were at REVISION: shown, asked, checked, proven, saved.

    It becomes a new revision. When it is not agreed to, refused or undone, nothing is changed,
    and the draft is empty as before. Users, accounts and mail are not settings and stay.
    """
    from mailstead.cli.save import save_as_asked
    from mailstead.cli.show import show_plan
    from mailstead.transaction.request import Request
    from mailstead.transaction.rollback import Goal

    goal = Goal(revision, module, restore)
    answers = answers_of(app)
    plan = app.engine.plan(answers=answers, back_to=goal)
    app.engine.history.remember(plan)
    show_plan(app, plan, goal)
    app.confirm(f"Go back to {goal}?")
    comment = comment or f"back to {goal}"
    return save_as_asked(app, Request(comment, plan.id, answers, back_to=goal))


commands = [rollback]
