"""The command ``filter``: what it does now, and teaching it."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import Path
from mailstead_filter.status import SINCE, find_status
from mailstead_filter.training import Kind, train

REASONS = 5  # told of those why messages were not learned


@click.group("filter")
def filter_group() -> None:
    """Spam, viruses and unwanted attachments."""


@filter_group.command("status")
@pass_app
def status(app: App) -> None:
    """Show whether mail is filtered, what was found so far, and what was learned."""
    app.engine.require_enabled("filter")
    found = find_status(app.engine.context("running"), app.engine.machine)
    record = dict(found.record)
    if SINCE in record:
        record[SINCE] = app.time(record[SINCE])
    named = record if app.json else {_words(name): item for name, item in record.items()}
    app.print_record("Mail filter", named)
    for warning in found.warnings:
        app.warn(warning)


@filter_group.command("train")
@click.argument("kind", type=click.Choice(get_args(Kind)))
@click.argument("mbox", type=click.Path(exists=True, dir_okay=False, resolve_path=True))
@pass_app
def teach(app: App, kind: Kind, mbox: str) -> int:
    """Let Rspamd learn the messages of a file in mbox format as spam or ham.

    The exit status is 1 when there was nothing that it could learn or knew.
    """
    app.engine.require_enabled("filter")
    context, machine = app.engine.context("running"), app.engine.machine
    done = train(context, machine, kind, Path(mbox))
    app.note("filter train", f"{kind}: {done.learned} messages of {mbox}")
    app.print_record(
        f"Learned as {kind}",
        {"learned": done.learned, "known": done.known, "refused": done.refused},
    )
    for reason, count in Counter(done.reasons).most_common(REASONS):
        app.warn(f"{count} refused: {reason}")
    if not done.learned and not done.known:
        app.warn(f"nothing of {mbox} was learned")
        return 1
    return 0


def _words(name: str) -> str:
    return name.replace("_", " ")
