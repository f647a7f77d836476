"""Show what moved between a plan that was agreed to and the present one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailstead.cli.differences import show_changes

if TYPE_CHECKING:
    from mailstead.cli.app import App
    from mailstead.transaction.moved import Moved


def show_moved(app: App, moved: Moved) -> None:
    """Show theirs and yours; nothing with ``--json``, where the error has all of it."""
    if app.json:
        return
    if not moved.is_known:
        app.say("Nobody remembers that plan: it was never shown, or too long ago.")
    for item in moved.theirs:
        made = item.revision
        comment = f": {made.comment}" if made.comment else ""
        show_changes(app, f"Saved meanwhile, revision {made.number} by {made.who}{comment}",
                     item.changes)  # fmt: skip
    for setting in moved.settings:
        app.say(str(setting))
    for path, what in moved.files.items():
        app.say(f"{path} {what}")
    for action in moved.actions:
        app.say(action)
    app.print_table("Your draft now", ("Setting", "Now", "Planned", "By"), (
        (item.setting, _value(item.old), _value(item.new), item.by) for item in moved.yours
    ))  # fmt: skip


def _value(value: object) -> str:
    return "-" if value is None else str(value)
