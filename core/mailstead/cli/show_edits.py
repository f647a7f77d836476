"""Show files edited by hand: base, yours and ours, the merge, and what is offered."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mailstead.cli import times
from mailstead.cli.origins import STYLES

if TYPE_CHECKING:
    from mailstead.cli.app import App
    from mailstead.hand_edits.edited_files import EditedFile
    from mailstead.hand_edits.hand_edit import HandEdit
    from mailstead.hand_edits.merge import Hunk, Merge

WORDS = {
    "removed": "removed by hand",
    "rights": "owner or mode changed",
    "replaced": "no file any more",
}
HIDDEN = "(secret: not shown)\n"


def show_edits(app: App, edits: Iterable[HandEdit]) -> None:
    """Show what a plan makes of hand edits, and all three versions where it asks."""
    found = list(edits)
    if not found:
        return
    app.print_table("Edited by hand", ("File", "Module", "What", "For", "By", "On save"), (
        (item.path, item.module, item.state, age(app, item.since), item.who, _fate(item))
        for item in found
    ))  # fmt: skip
    for item in found:
        if item.asks:
            show_edit(app, item)
            app.say(f"decide: save --keep {item.path} (yours stays), --take {item.path} (ours; "
                    f"yours is kept aside){_merge_offer(item)}")  # fmt: skip


def show_edit(app: App, edit: HandEdit) -> None:
    """Show an edit as two diffs and the merge."""
    if edit.secret:
        app.say(f"{edit.path}: its content is secret and not shown")
        return
    _show(app, _yours(edit))
    ours = _ours(edit)
    _show(app, ours or f"ours: {'the file goes' if edit.ours is None else 'unchanged'}\n")
    if edit.merge and ours:
        count = len(edit.merge.conflicts)
        app.say(f"merge: {_count(count)}" if count else "merge: clean")
        _show(app, _merged(edit, edit.merge))


def show_files(app: App, files: Iterable[EditedFile]) -> None:
    """Show which files are not as they were left."""
    app.print_table("Edited by hand", ("File", "Module", "What", "For", "By", "Decided"), (
        (item.path, item.module, WORDS.get(item.what, item.what),
         age(app, item.since), item.who, item.decided)
        for item in files
    ))  # fmt: skip


def edit_data(edit: HandEdit) -> dict[str, Any]:
    """Give an edit as data for JSON; of a secret file no content."""
    return {
        "path": edit.path,
        "module": edit.module,
        "what": edit.state,
        "since": edit.since,
        "by": edit.who,
        "choice": edit.choice,
        "asks": edit.asks,
        "offers": edit.offers,
        "yours": HIDDEN if edit.secret else _yours(edit),
        "ours": HIDDEN if edit.secret else _ours(edit),
        "merge": _merge_data(edit, edit.merge) if edit.merge else None,
    }


def age(app: App, since: float | None) -> str:
    """Say how long ago something was."""
    if since is None:
        return ""
    return times.age(app.engine.machine.now() - since)


def _fate(edit: HandEdit) -> str:
    if edit.asks:
        return "needs a decision"
    fates = {"keep": "is kept", "take": "ours takes its place", "merge": "is merged"}
    return fates[edit.choice] if edit.choice else "is left alone"


def _merge_offer(edit: HandEdit) -> str:
    if edit.merge is None:
        return "; it cannot be merged"
    conflicts = len(edit.merge.conflicts)
    return f", or --merge {edit.path}" + (" --conflicts yours|ours" if conflicts else "")


def _count(conflicts: int) -> str:
    return "1 conflict" if conflicts == 1 else f"{conflicts} conflicts"


def _yours(edit: HandEdit) -> str:
    """Give what an admin made of it; against ours where the base is not known."""
    if edit.base is None and edit.ours is not None:
        return _diff(edit.ours, edit.yours, f"{edit.path} (ours)", f"{edit.path} (yours)")
    return _diff(edit.base, edit.yours, f"{edit.path} (base)", f"{edit.path} (yours)")


def _ours(edit: HandEdit) -> str:
    if edit.base is None or edit.ours is None:
        return ""
    return _diff(edit.base, edit.ours, f"{edit.path} (base)", f"{edit.path} (ours)")


def _merged(edit: HandEdit, merge: Merge) -> str:
    return _diff(edit.yours, merge.marked(), f"{edit.path} (yours)", f"{edit.path} (merged)")


def _diff(before: bytes | None, after: bytes, name: str, other: str) -> str:
    return "".join(difflib.unified_diff(list(_lines(before)), list(_lines(after)), name, other))


def _lines(content: bytes | None) -> Iterator[str]:
    text = (content or b"").decode("utf-8", "backslashreplace")
    return (f"{line}\n" for line in text.removesuffix("\n").split("\n") if text)


def _show(app: App, text: str) -> None:
    for line in text.splitlines():
        app.say(line, style=STYLES.get(line[:1], ""))


def _merge_data(edit: HandEdit, merge: Merge) -> dict[str, Any]:
    return {
        "conflicts": len(merge.conflicts),
        "diff": _merged(edit, merge),
        "hunks": [_hunk_data(merge, hunk) for hunk in merge.hunks],
    }


def _hunk_data(merge: Merge, hunk: Hunk) -> dict[str, Any]:
    start, end = hunk.base
    return {
        "kind": hunk.kind,
        "line": hunk.yours[0] + 1,
        "base": merge.base[start:end],
        "yours": merge.lines_of(hunk, "yours"),
        "ours": merge.lines_of(hunk, "ours"),
    }
