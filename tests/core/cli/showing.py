"""Run a command of the command line against an engine that is open already."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from typing import Any

import click

from mailstead.cli.app import App
from mailstead.engine import Engine


def shown(engine: Engine, command: click.Command, *words: str) -> str:
    """Run a command and give what it prints."""
    return _run(App(prefix="unused"), engine, command, words)


def shown_json(engine: Engine, command: click.Command, *words: str) -> Any:
    """Run a command with ``--json`` and give its document."""
    return json.loads(_run(App(prefix="unused", json=True), engine, command, words))


def _run(app: App, engine: Engine, command: click.Command, words: tuple[str, ...]) -> str:
    app.__dict__["engine"] = engine
    out = io.StringIO()
    with redirect_stdout(out), command.make_context("test", list(words), obj=app) as context:
        command.invoke(context)
        if app.json:
            click.echo(json.dumps(app._data, default=list))
    return out.getvalue()
