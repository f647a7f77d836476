"""Show diffs with the module and setting behind each changed line, and give them as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mailstead.cli.app import App
    from mailstead.explain.origins import FileOrigins, Origin
    from mailstead.transaction.changes import FileChange

STYLES = {"+": "green", "-": "red", "@": "cyan"}
ARROW = "  \N{LEFTWARDS ARROW} "
WIDEST = 72  # remarks stand below each other, unless a line is wider than this
MANY = 4  # lines of one origin that are told of once, above them
NAMED = 3  # settings that are named in a remark


def show_diff(app: App, change: FileChange, origins: FileOrigins | None) -> None:
    """Show a file's diff, with what is behind a line to the right of it.

    What is behind most lines is said once, beside the file's name.
    """
    lines = change.diff().split("\n")[:-1]
    remarks = list(_remarks(change, lines, origins)) if origins else [""] * len(lines)
    widths = [len(line) for line, remark in zip(lines, remarks, strict=True) if remark]
    column = min(max(widths, default=0), WIDEST)
    for line, remark in zip(lines, remarks, strict=True):
        note = f"{' ' * (column - len(line))}{ARROW}{remark}" if remark else ""
        app.say(line, style=STYLES.get(line[:1], ""), note=note)


def line_data(origins: FileOrigins | None) -> dict[str, Any]:
    """Give what is behind each changed line, and what is behind all of them, for JSON."""
    if origins is None:
        return {"lines": [], "origin": None}
    lines = [
        {"sign": line.sign, "line": line.number, **_data(line.origin)} for line in origins.lines
    ]
    return {"lines": lines, "origin": _data(origins.whole) if origins.whole else None}


def _data(origin: Origin) -> dict[str, Any]:
    causes = [{"setting": cause.where, "by": cause.who} for cause in origin.causes]
    return {"module": origin.module, "causes": causes, "sure": origin.sure, "note": origin.note}


def _remarks(change: FileChange, lines: Sequence[str], origins: FileOrigins) -> Iterator[str]:
    """Give the remark for each line of the diff; the first two name the file."""
    common = _common(origins)
    told = iter(origins.lines)
    for number, line in enumerate(lines):
        changed = next(told, None) if number > 1 and line[:1] in ("+", "-") else None
        if number == 0:
            yield _head(change, origins, common)
        elif changed is not None and changed.origin != common:
            yield _words(change, changed.origin)
        else:
            yield ""


def _common(origins: FileOrigins) -> Origin | None:
    counted = Counter(line.origin for line in origins.lines).most_common(1)
    if not counted:
        return None
    origin, count = counted[0]
    return origin if count >= MANY and count * 2 > len(origins.lines) else None


def _head(change: FileChange, origins: FileOrigins, common: Origin | None) -> str:
    if not origins.lines and origins.whole:
        return _words(change, origins.whole)
    if common is None:
        return ""
    lines = "every line" if origins.whole else "lines without a remark"
    return f"{lines}: {_words(change, common)}"


def _words(change: FileChange, origin: Origin) -> str:
    names = [str(cause) for cause in origin.causes]
    rest = len(names) - NAMED
    words = ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
    words = words if origin.sure else f"among {words}"
    said = "; ".join(part for part in (words, origin.note) if part)
    is_told = origin.module in (change.module, *(cause.module for cause in origin.causes))
    return said if is_told else f"via {origin.module}: {said}"
