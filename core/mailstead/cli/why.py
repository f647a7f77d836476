"""Explain a line of a file."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from mailstead.cli.app import App, pass_app

if TYPE_CHECKING:
    from mailstead.explain.explanation import Explanation, Setting
    from mailstead.settings.cells import Change, Revision

STANDING = {
    "ours": "",
    "edited": "This line was written by hand, not by Mailstead.",
    "old": "An earlier save wrote this line; the next one writes it anew.",
}


@click.command()
@click.argument("place", metavar="FILE:LINE")
@pass_app
def why(app: App, place: str) -> None:
    """Tell why a line stands in a file: the module, the settings, who saved them and when.

    FILE is a path as manual pages have it, the real path in the instance, or the end of one.
    """
    found = app.engine.why(place)
    if app.json:
        app.emit(_data(found))
        return
    app.say(f"{found.path}:{found.number}")
    app.say(f"  {found.text}", style="cyan")
    app.say(f"The file belongs to {found.module}: {found.reason}.")
    if found.standing != "ours":
        _show_foreign(app, found)
        return
    if found.via:
        app.say(f"The line is there through {', '.join(found.via)}.")
    _show_settings(app, found)


def _show_foreign(app: App, found: Explanation) -> None:
    app.say(STANDING[found.standing])
    if found.instead:
        app.say("Mailstead would write here:")
    for line in found.instead:
        app.say(f"  {line}")


def _show_settings(app: App, found: Explanation) -> None:
    columns = ("Setting", "Value", "State", "Revision", "By", "When", "From", "Comment")
    app.print_table("Behind it", columns, map(_row, found.settings))
    if found.facts:
        app.say(f"Facts of this machine behind it: {', '.join(found.facts)}.")
    if found.perhaps:
        app.say(f"It may also depend on {', '.join(found.perhaps)}.")


def _row(setting: Setting) -> tuple[object, ...]:
    if setting.change is None:
        return (setting.where, setting.value, setting.state, "", "", "", "", "")
    change, revision = setting.change
    return (
        setting.where, setting.value, setting.state, revision.number,
        change.who, _when(revision), change.origin, revision.comment,
    )  # fmt: skip


def _when(revision: Revision) -> str:
    return f"{datetime.fromtimestamp(revision.at).astimezone():%Y-%m-%d %H:%M}"


def _data(found: Explanation) -> dict[str, Any]:
    return {
        "file": found.path,
        "real": str(found.real),
        "line": found.number,
        "text": found.text,
        "module": found.module,
        "reason": found.reason,
        "standing": found.standing,
        "via": found.via,
        "settings": [_setting_data(setting) for setting in found.settings],
        "facts": found.facts,
        "perhaps": found.perhaps,
        "instead": found.instead,
    }


def _setting_data(setting: Setting) -> dict[str, Any]:
    data = {"setting": setting.where, "value": setting.value, "state": setting.state}
    return data | {"saved": _saved(*setting.change) if setting.change else None}


def _saved(change: Change, revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.number,
        "by": revision.who,
        "at": revision.at,
        "comment": revision.comment,
        "changed_by": change.who,
        "changed_at": change.at,
        "from": change.origin,
    }


commands = [why]
