"""Show progress: a bar on a terminal, a line per step elsewhere, nothing for JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mailstead.cli.app import App
    from mailstead.transaction.progress import Event, Listener


@contextmanager
def shown_progress(app: App) -> Iterator[Listener]:
    """Give a listener that shows events."""
    if app.json:
        yield _ignore
    elif sys.stdout.isatty():
        with _bar(app) as listener:
            yield listener
    else:
        yield _line


@contextmanager
def _bar(app: App) -> Iterator[Listener]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.fields[phase]:8}"), BarColumn(),
               MofNCompleteColumn(), TextColumn("{task.description}", markup=False))  # fmt: skip
    with Progress(*columns, console=app.console, transient=True) as progress:
        task = progress.add_task("starting", phase="")

        def listen(event: Event) -> None:
            progress.update(task, total=event.total, completed=event.done,
                            description=event.message, phase=event.phase)  # fmt: skip

        yield listen


def _line(event: Event) -> None:
    click.echo(f"  [{min(event.done + 1, event.total)}/{event.total}] {event.phase}: "
               f"{event.message}")  # fmt: skip


def _ignore(event: Event) -> None:
    """Show nothing."""


__all__ = ["shown_progress"]
