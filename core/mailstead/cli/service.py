"""Start, stop and restart the daemons of enabled modules, with the saved configuration."""

from __future__ import annotations

import click

from mailstead.cli.app import App, pass_app
from mailstead.cli.complete import module_names


@click.command()
@click.argument("modules", nargs=-1, shell_complete=module_names)
@pass_app
def start(app: App, modules: tuple[str, ...]) -> None:
    """Start the daemons of modules (all enabled ones when none is named)."""
    from mailstead.cli.progress import shown_progress

    for name in _chosen(app, modules):
        with shown_progress(app) as progress:
            app.engine.start(name, progress)
        app.say(f"{name}: running")


@click.command()
@click.argument("modules", nargs=-1, shell_complete=module_names)
@pass_app
def stop(app: App, modules: tuple[str, ...]) -> None:
    """Stop the daemons of modules (all when none is named) until started by hand."""
    chosen = tuple(reversed(_chosen(app, modules)))
    app.confirm(f"Stop {', '.join(chosen) or 'nothing'}?")
    for name in chosen:
        app.engine.stop(name)
        app.say(f"{name}: stopped")


@click.command()
@click.argument("modules", nargs=-1, shell_complete=module_names)
@pass_app
def restart(app: App, modules: tuple[str, ...]) -> None:
    """Stop and start the daemons of modules (all enabled ones when none is named)."""
    from mailstead.cli.progress import shown_progress

    for name in _chosen(app, modules):
        with shown_progress(app) as progress:
            app.engine.restart(name, progress)
        app.say(f"{name}: running")


def _chosen(app: App, modules: tuple[str, ...]) -> tuple[str, ...]:
    engine = app.engine
    for name in modules:
        engine.require_enabled(name)
    enabled = engine.contexts.enabled(engine.context_settings("running"))
    with_daemons = [name for name in enabled if engine.registry.module(name).daemons]
    return engine.registry.boot_order(modules or with_daemons)


commands = [start, stop, restart]
