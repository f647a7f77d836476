"""Show differences between revisions: settings in a table, files line by line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import attrs

from mailstead.settings.cells import Change

if TYPE_CHECKING:
    from mailstead.cli.app import App
    from mailstead.history.file_diffs import FileDiff

STYLES = {"+": "green", "-": "red", "@": "cyan"}


def show_changes(app: App, title: str, changes: Iterable[Change]) -> None:
    """Show changes of settings; secrets are masked already."""
    app.print_table(title, ("Setting", "Before", "After", "By"), (
        (item.where, _value(item.old), _value(item.new), item.who) for item in changes
    ))  # fmt: skip


def show_files(app: App, files: Iterable[FileDiff]) -> None:
    """Show what became of files, then each one's lines."""
    found = tuple(files)
    app.print_table("Files", ("File", "Module", "What"), (
        (item.path, item.module, _what(item)) for item in found
    ))  # fmt: skip
    for item in found:
        for line in item.diff.splitlines():
            app.say(line, style=STYLES.get(line[:1], ""))


def change_data(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Give changes as data for JSON."""
    return [
        {"setting": c.where, "old": c.old, "new": c.new, "by": c.who, "at": c.at} for c in changes
    ]


def file_data(files: Iterable[FileDiff]) -> list[dict[str, Any]]:
    """Give what became of files as data for JSON."""
    return [attrs.asdict(item) for item in files]


def _what(item: FileDiff) -> str:
    if item.what == "same":
        return "written again as it was"
    if item.what == "rights":
        return "other rights"
    words = {"keep": "kept", "merge": "merged"}.get(item.choice, item.choice)
    return f"{item.what}, {item.by}'s edit {words}" if item.choice else item.what


def _value(value: object) -> str:
    return "-" if value is None else str(value)
