"""Module Status: list, enable with consent, disable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import click

from mailstead.cli.app import App, pass_app
from mailstead.cli.complete import module_names
from mailstead.cli.show_edits import show_files

if TYPE_CHECKING:
    from mailstead.status import ModuleStatus


@click.command("modules")
@pass_app
def list_modules(app: App) -> None:
    """List all modules with their states, in the order they are saved."""
    rows = app.engine.status()
    if app.json:
        app.emit([attrs.asdict(row) for row in rows])
        return
    columns = ("Module", "Title", "State", "On save", "Needs", "Summary")
    app.print_table("Modules", columns, (
        (row.id, row.title, row.state, _on_save(row), row.depends, row.reason or row.summary)
        for row in rows
    ))  # fmt: skip


@click.command()
@click.argument("module", required=False, shell_complete=module_names)
@pass_app
def status(app: App, module: str | None) -> int:
    """Show what runs. Exit status 3 when an enabled module's daemon does not, or nobody knows."""
    rows = app.engine.status()
    if module:
        app.engine.registry.entry(module)
        rows = tuple(row for row in rows if row.id == module)
    if app.json:
        app.emit([attrs.asdict(row) for row in rows])
    else:
        columns = ("Module", "State", "Now", "Daemons", "On save")
        app.print_table("Status", columns, (
            (row.id, row.state, row.doing, _daemons(row), _on_save(row)) for row in rows
        ))  # fmt: skip
        _show_served(app)
        for row in filter(_is_unusable, rows):
            app.warn(f"{row.id} is enabled, and {row.state}: {row.reason}")
        files = [item for row in rows for item in row.edits]
        if files:
            show_files(app, files)
        if any(row.changed for row in rows):
            app.say("There are unsaved changes: see `mailstead plan`, then `mailstead save`.")
    dead = (row.doing in ("stopped", "degraded") or _is_unusable(row) for row in rows)
    return 3 if any(dead) else 0


@click.command()
@click.argument("modules", nargs=-1, required=True, shell_complete=module_names)
@pass_app
def enable(app: App, modules: tuple[str, ...]) -> None:
    """Enable modules: offers what they need, shows what they do, asks for consent.

    Nothing is changed on the machine before Save.
    """
    from mailstead.cli.show import show_consent

    wanted = _with_needs(app, modules)
    preview = app.engine.preview(wanted)
    show_consent(app, wanted, preview)
    app.confirm("Do you accept these packages, actions and files?")
    app.engine.enable(wanted, consents=wanted)
    app.say(f"{', '.join(wanted)}: enabled when you save (`mailstead save`).")


@click.command()
@click.argument("modules", nargs=-1, required=True, shell_complete=module_names)
@click.option("--restore", is_flag=True, help="Also put back the files that stood there before.")
@pass_app
def disable(app: App, modules: tuple[str, ...], restore: bool) -> None:
    """Disable modules and those that depend on them; their daemons stop at Save."""
    engine = app.engine
    enabled = {row.id for row in engine.status() if _is_on(row)}
    chosen = [name for module in modules for name in (*engine.registry.dependants(module), module)]
    leaving = [name for name in dict.fromkeys(chosen) if name in enabled]
    if not leaving:
        app.say("already disabled")
        return
    extra = [name for name in leaving if name not in modules]
    words = f" and what depends on it: {', '.join(extra)}" if extra else ""
    app.confirm(f"Disable {', '.join(modules)}{words}?")
    engine.disable(leaving, restore=restore)
    app.say(f"{', '.join(leaving)}: disabled when you save (`mailstead save`).")
    for row in engine.status():
        if row.id in leaving and _is_unusable(row):
            app.warn(f"{row.id} is {row.state} ({row.reason}): stop its daemons yourself")


def _show_served(app: App) -> None:
    """Say which revision is served, and what is not over with it."""
    from mailstead.moment import words_of

    served, failed = app.engine.history.served()
    if served is None:
        app.say("Nothing was saved yet.")
    else:
        app.say(f"Revision {served.number} is served since {words_of(served.at)}, "
                f"saved by {served.who}.")  # fmt: skip
    if served and served.state == "waits to be confirmed":
        app.say("It waits to be confirmed: `mailstead confirm`, or `mailstead revert`.")
    unfinished = failed or (served if served and served.state == "needs operator" else None)
    if unfinished:
        app.warn(f"a save needs an operator: {unfinished.reason}; see `mailstead recover`")


def _with_needs(app: App, modules: tuple[str, ...]) -> list[str]:
    registry = app.engine.registry
    found = {name for module in modules for name in registry.needed(module)}
    enabled = {row.id for row in app.engine.status() if _is_on(row)}
    ordered = [name for name in registry.ids if name in found]
    missing = [name for name in ordered if name not in enabled and name not in modules]
    if missing:
        app.say(f"{', '.join(modules)} needs {', '.join(missing)}: enabled first, in this order:")
    for number, name in enumerate((n for n in ordered if n not in enabled or n in modules), 1):
        app.say(f"  {number}. {name}  {registry.entry(name).manifest.title}")
    return [name for name in ordered if name not in enabled or name in modules]


def _is_on(row: ModuleStatus) -> bool:
    return row.will_be == "enabled" or (row.enabled and row.will_be != "disabled")


def _is_unusable(row: ModuleStatus) -> bool:
    return row.enabled and row.state in ("broken", "blocked")


def _on_save(row: ModuleStatus) -> str:
    return row.will_be or ("changed" if row.changed else "")


def _daemons(row: ModuleStatus) -> str:
    return ", ".join(f"{item.name} {item.pid or 'not running'}" for item in row.daemons)


commands = [list_modules, status, enable, disable]
