"""The command ``sieve``: scripts of accounts, at once."""

from __future__ import annotations

import sys

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import InvalidValue, MachineError
from mailstead_sieve import backups
from mailstead_sieve.scripts.checking import Report
from mailstead_sieve.scripts.grammar import WHERE_TEXT
from mailstead_sieve.scripts.storage import Scripts

FILE_HINT = "name a file with the text, or leave it out and give the text on standard input"
FILE = click.argument("file", default="-")


def scripts_of(app: App, address: str) -> Scripts:
    """Give an account's scripts. Raises ModuleUnavailable, InvalidValue, NotFound."""
    app.engine.require_enabled("sieve")
    return Scripts.of(app.engine.context("running"), app.engine.machine, address)


@click.group("sieve")
def sieve_group() -> None:
    """Sieve scripts of mail accounts; changes take effect at once."""


@sieve_group.command("list")
@click.argument("address")
@pass_app
def list_scripts(app: App, address: str) -> None:
    """List the scripts of ADDRESS."""
    found = scripts_of(app, address).list()
    rows = [(script.name, script.is_active) for script in found]
    app.print_table(f"Sieve scripts of {address}", ("Script", "Active"), rows)


@sieve_group.command("show")
@click.argument("address")
@click.argument("script")
@pass_app
def show(app: App, address: str, script: str) -> None:
    """Print SCRIPT of ADDRESS as it is stored."""
    text = scripts_of(app, address).read(script)
    if app.json:
        app.emit({"script": script, "text": text})
    else:
        click.echo(text, nl=False)


@sieve_group.command("put")
@click.argument("address")
@click.argument("script")
@FILE
@click.option("--activate", is_flag=True, help="Let mail pass through it from now on.")
@pass_app
def put(app: App, address: str, script: str, file: str, activate: bool) -> None:
    """Store FILE (or standard input) as SCRIPT of ADDRESS, once it compiles."""
    scripts = scripts_of(app, address)
    report = scripts.put(script, script_text(app, file), activate=activate)
    app.note("sieve put", f"{script} of {scripts.owner.address}")
    tell(app, report)
    active = scripts.active()
    is_active = "it is active" if active == script else f"active is {active or 'none'}"
    app.say(f"script {script} of {scripts.owner.address} stored; {is_active}")


@sieve_group.command("activate")
@click.argument("address")
@click.argument("script")
@pass_app
def activate(app: App, address: str, script: str) -> None:
    """Let mail for ADDRESS pass through SCRIPT, and no other."""
    scripts = scripts_of(app, address)
    scripts.activate(script)
    app.note("sieve activate", f"{script} of {scripts.owner.address}")
    app.say(f"script {script} of {scripts.owner.address} is active now")


@sieve_group.command("deactivate")
@click.argument("address")
@pass_app
def deactivate(app: App, address: str) -> None:
    """Let mail for ADDRESS pass through no script of its own."""
    scripts = scripts_of(app, address)
    scripts.deactivate()
    app.note("sieve deactivate", scripts.owner.address)
    app.say(f"no script of {scripts.owner.address} is active now")


@sieve_group.command("delete")
@click.argument("address")
@click.argument("script")
@pass_app
def delete(app: App, address: str, script: str) -> None:
    """Delete SCRIPT of ADDRESS, which must not be active."""
    scripts = scripts_of(app, address)
    app.confirm(f"Delete the script {script} of {scripts.owner.address}?")
    scripts.delete(script)
    app.note("sieve delete", f"{script} of {scripts.owner.address}")
    app.say(f"script {script} of {scripts.owner.address} deleted")


@sieve_group.command("check")
@click.argument("address")
@FILE
@pass_app
def check(app: App, address: str, file: str) -> None:
    """Say whether FILE (or standard input) would be a script for ADDRESS; nothing is stored."""
    report = scripts_of(app, address).check(script_text(app, file))
    if report.errors:
        raise InvalidValue("; ".join(report.errors), where=WHERE_TEXT, hint=report.hint)
    tell(app, report)
    app.say("it compiles")


@sieve_group.command("restore")
@pass_app
def restore(app: App) -> None:
    """Give accounts the scripts they lack of those in the last backup, made or restored here."""
    app.engine.require_enabled("sieve")
    told = backups.restored(app.engine.context("running"), app.engine.machine)
    app.note("sieve restore", told)
    app.say(told)


def tell(app: App, report: Report) -> None:
    """Warn of what a report says."""
    for line in report.warnings:
        app.warn(line)
    if report.unread:
        app.warn(f"its rules cannot be shown: {report.unread}")


def script_text(app: App, file: str) -> str:
    """Read a file, or standard input for ``-``. Raises InvalidValue."""
    if file == "-":
        return sys.stdin.read()
    try:
        return app.engine.machine.read_file(app.path(file)).decode()
    except FileNotFoundError:
        raise InvalidValue("there is no such file", where=file, hint=FILE_HINT) from None
    except MachineError as error:
        raise InvalidValue(error.problem, where=file, hint=error.hint or FILE_HINT) from None
    except UnicodeDecodeError:
        raise InvalidValue("it is not UTF-8", where=file, hint="RFC 5228 section 2.1") from None
