"""Go back to an earlier revision by a save like any other."""

from __future__ import annotations

import click

from mailstead.cli.app import App, pass_app
from mailstead.cli.complete import module_names


@click.command()
@click.argument("revision", type=int)
@click.option("--module", default="", metavar="MODULE", shell_complete=module_names,
              help="Only this module's settings, and whether it is enabled.")  # fmt: skip
@click.option("--restore", is_flag=True,
              help="Put back the files that stood there before a module it disables.")  # fmt: skip
@click.option("--comment", default="", help="Kept with the new revision.")
@click.option("--overwrite", multiple=True, metavar="FILE",
              help="Replace this hand-edited file; yours is kept aside.")  # fmt: skip
@pass_app
def rollback(
    app: App, revision: int, module: str, restore: bool, comment: str, overwrite: tuple[str, ...]
) -> int:
    """Make the settings what they were at REVISION: shown, asked, checked, proven, saved.

    It becomes a new revision. When it is not agreed to, refused or undone, nothing is changed,
    and the draft is empty as before. Users, accounts and mail are not settings and stay.
    """
    from mailstead.cli.save import save_as_asked
    from mailstead.cli.show import show_plan
    from mailstead.transaction.rollback import Goal
    from mailstead.transaction.save import Request

    goal = Goal(revision, module, restore)
    plan = app.engine.plan(back_to=goal)
    app.engine.history.remember(plan)
    show_plan(app, plan, goal)
    app.confirm(f"Go back to {goal}?")
    comment = comment or f"back to {goal}"
    return save_as_asked(app, Request(comment, plan.id, overwrite, back_to=goal))


commands = [rollback]
