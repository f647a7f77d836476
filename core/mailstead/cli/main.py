"""Entry point of ``mailstead``: finds the command, runs it, turns errors into exit statuses.

Exit statuses: 0 done; 1 failed; 2 input refused, nothing changed; 3 not running; 4 consent
needed; 5 the save was rolled back; 6 an operator is needed.

A command's module is imported when the command is run, and a plugin's only for its commands.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from mailstead import __version__
from mailstead.cli.app import App
from mailstead.errors import MailsteadError, ModuleUnavailable, Stopped

if TYPE_CHECKING:
    from mailstead.registry import Registry

CORE_COMMANDS = {
    "apply": "document",
    "audit": "audit",
    "backup": "backup",
    "completion": "instance",
    "confirm": "save",
    "diff": "diff",
    "disable": "modules",
    "discard": "save",
    "edits": "edits",
    "enable": "modules",
    "export": "document",
    "history": "history",
    "import": "document",
    "init": "instance",
    "modules": "modules",
    "plan": "save",
    "recover": "recover",
    "restart": "service",
    "revert": "save",
    "rollback": "rollback",
    "save": "save",
    "settings": "settings",
    "start": "service",
    "status": "modules",
    "stop": "service",
    "why": "why",
}
_FLAGS = ("--json", "--yes", "-y")
_OPTIONS = ("--instance",)


class Commands(click.Group):
    """The core's commands and those of the plugins that are installed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """List all commands."""
        return sorted({*CORE_COMMANDS, *_plugin_commands()})

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        cmd_name: str,
    ) -> click.Command | None:
        """Import a command."""
        if cmd_name in CORE_COMMANDS:
            return _find(f"mailstead.cli.{CORE_COMMANDS[cmd_name]}", cmd_name)
        package = _plugin_commands().get(cmd_name)
        return _find_in_plugin(package, cmd_name) if package else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mailstead")
@click.option("--instance", default=lambda: os.environ.get("MAILSTEAD_INSTANCE", "/"),
              show_default="$MAILSTEAD_INSTANCE or /", metavar="DIR",
              help="Folder of the instance.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-y", "--yes", is_flag=True, help="Answer yes to every question.")
@click.pass_context
def cli(context: click.Context, instance: str, as_json: bool, yes: bool) -> None:
    """Administer a mail server through modules, by plans that are undone when they fail.

    --instance, --json and --yes may stand anywhere on the line.
    """
    context.obj = App(prefix=instance, json=as_json, yes=yes)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _stop)
    # A command is over before collecting garbage would pay for itself.
    gc.disable()
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit status."""
    words = _flags_first(arguments)
    as_json = "--json" in words[: _leading(words)]
    try:
        return _attempt(words)
    except MailsteadError as error:
        return _failed(error, as_json)
    except Exception as error:
        damage = _damage(error)
        if damage is None:
            raise
        return _failed(damage, as_json)


def _attempt(words: Sequence[str]) -> int:
    try:
        with cli.make_context("mailstead", list(words)) as context:
            return _invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("stopped", err=True)
        return 1
    except BrokenPipeError:
        # The reader went away (mailstead ... | head): nothing is left to be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _damage(error: Exception) -> MailsteadError | None:
    """Give the words for settings that turn out to be damaged while they are read."""
    if type(error).__module__ != "sqlite3":
        return None
    from mailstead.settings.store_file import damaged, is_damage

    return damaged("", error) if is_damage(error) else None


def _stop(number: int, _frame: object) -> None:
    """End as after Ctrl-C, so that a save under way is undone."""
    raise Stopped(128 + number)


def _invoke(context: click.Context) -> int:
    try:
        status = cli.invoke(context)
        app = context.obj
        app.finish()
        return status if isinstance(status, int) else 0
    finally:
        if isinstance(context.obj, App):
            context.obj.close()


def _failed(error: MailsteadError, as_json: bool) -> int:
    if as_json:
        import json

        parts = {"problem": error.problem, "where": error.where, "hint": error.hint}
        click.echo(json.dumps({"error": {**parts, **error.details}}, ensure_ascii=False))
    click.echo(f"error: {error}", err=True)
    return error.exit_status


def _flags_first(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front, so that they may stand anywhere before ``--``."""
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    front: list[str] = []
    rest: list[str] = []
    position = 0
    while position < end:
        word = words[position]
        if word in _OPTIONS:
            front += words[position : position + 2]
            position += 1
        elif word in _FLAGS or word.startswith("--instance="):
            front.append(word)
        else:
            rest.append(word)
        position += 1
    return [*front, *rest, *words[end:]]


def _leading(words: Sequence[str]) -> int:
    for position, word in enumerate(words):
        if not word.startswith("-") and (position == 0 or words[position - 1] not in _OPTIONS):
            return position
    return len(words)


def _find(module: str, name: str) -> click.Command | None:
    found: Any = import_module(module)
    commands: list[click.Command] = found.commands
    return next((item for item in commands if item.name == name), None)


def _find_in_plugin(package: str, name: str) -> click.Command | None:
    try:
        return _find(f"{package}.commands", name)
    except (Exception, SystemExit) as error:
        problem = f"the command could not be loaded: {type(error).__name__}: {error}"
        raise ModuleUnavailable(problem, where=package, hint="see `mailstead modules`") from error


def _plugin_commands() -> dict[str, str]:
    registry = _registry()
    return {
        command: entry.source.package
        for entry in registry.entries.values()
        if entry.status == "available"
        for command in entry.manifest.commands
    }


def _registry() -> Registry:
    from mailstead.registry import Registry

    return Registry.discover()
