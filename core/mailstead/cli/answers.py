"""What shall become of files edited by hand, as options of commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mailstead.errors import InvalidInput

if TYPE_CHECKING:
    from mailstead.cli.app import App
    from mailstead.hand_edits.answers import Answer

F = TypeVar("F", bound=Callable[..., Any])
GIVEN = "mailstead.answers"


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    context.meta.setdefault(GIVEN, {})[parameter.name] = value


def _file_option(name: str, words: str) -> Callable[[F], F]:
    return click.option(name, multiple=True, metavar="FILE", help=words,
                        expose_value=False, callback=_remember)  # fmt: skip


CONFLICTS = click.Choice(["yours", "ours"])
CONFLICTS_HELP = "Whose lines to take where a merge conflicts."
_OPTIONS = (
    _file_option("--keep", "Leave this file as it was edited by hand."),
    _file_option("--take", "Replace this file that was edited by hand; yours is kept aside."),
    _file_option("--merge", "Merge what was edited by hand in this file with the new one."),
    click.option("--conflicts", type=CONFLICTS, help=CONFLICTS_HELP,
                 expose_value=False, callback=_remember),
)  # fmt: skip


def answer_options(command: F) -> F:
    """Give a command the options --keep, --take, --merge and --conflicts; see `answers_of`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def answers_of(app: App) -> tuple[Answer, ...]:
    """Give what the options of this command say. Raises InvalidInput for what clashes."""
    from mailstead.hand_edits.answers import Answer

    given = click.get_current_context().meta.get(GIVEN, {})
    conflicts = given.get("conflicts")
    if conflicts and not given.get("merge"):
        raise InvalidInput("--conflicts says nothing without --merge FILE")
    answers = (
        *(Answer(system_path(app, file), "keep") for file in given.get("keep", ())),
        *(Answer(system_path(app, file), "take") for file in given.get("take", ())),
        *(Answer(system_path(app, file), "merge", conflicts) for file in given.get("merge", ())),
    )
    paths = [answer.path for answer in answers]
    for path in paths:
        if paths.count(path) > 1:
            raise InvalidInput("it is named more than once", where=path)
    return answers


def system_path(app: App, file: str) -> str:
    """Give the system path of a file, which may be named by its place in the instance."""
    prefix = str(app.engine.instance.prefix).rstrip("/")
    return file.removeprefix(prefix) if file.startswith(f"{prefix}/") else file
