"""Show plans: to people with tables and diffs, to scripts as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mailstead.cli.origins import line_data, show_diff
from mailstead.cli.show_edits import edit_data, show_edits
from mailstead.counting import counted
from mailstead.settings.cells import mask

if TYPE_CHECKING:
    from mailstead.cli.app import App
    from mailstead.explain.origins import FileOrigins
    from mailstead.transaction.changes import FileChange, Plan
    from mailstead.transaction.rollback import Goal

NONE: Mapping[str, FileOrigins] = {}


def show_consent(app: App, modules: Sequence[str], plan: Plan) -> None:
    """Show what enabling modules does: packages, actions, files with reasons and diffs."""
    if app.json:
        app.emit(plan_data(app, plan))
        return
    registry = app.engine.registry
    if plan.packages:
        app.say(f"Packages to install: {', '.join(plan.packages)}")
    app.print_table("Actions", ("Action", "Reason"), _actions(plan))
    own = {item.path: item for name in modules for item in registry.entry(name).manifest.paths}
    files = [item for item in plan.files if item.path in own]
    app.print_table("Files", ("File", "Module", "What", "Reason"), (
        (item.path, item.module, _what(item), item.reason) for item in files
    ))  # fmt: skip
    _show_diffs(app, files)
    unseen = sorted(set(own) - {item.path for item in files})
    if unseen:
        app.say(f"Also theirs, when their settings ask for it: {', '.join(unseen)}")


def show_plan(app: App, plan: Plan, back_to: Goal | None = None) -> None:
    """Show a plan, with what is behind each changed line; of the draft, or of going back."""
    origins = app.engine.origins(plan, back_to=back_to)
    if app.json:
        app.emit(plan_data(app, plan, origins))
        return
    show_edits(app, plan.edits)
    for note in plan.notes:
        app.say(note)
    for path in plan.uses:
        app.say(f"uses {path}")
    if plan.is_empty:
        app.say("There is nothing to save.")
        return
    app.say(f"Plan {plan.id}, on top of revision {plan.revision}")
    changes = [mask(app.engine.schema, change) for change in plan.changes]
    app.print_table("Settings", ("Setting", "Now", "Planned", "By"), (
        (_setting(c), _value(c.old), _value(c.new), c.who) for c in changes
    ))  # fmt: skip
    if plan.packages:
        app.say(f"Packages to install: {', '.join(plan.packages)}")
    app.print_table("Files", ("File", "Module", "What", "Reason"), (
        (item.path, item.module, _what(item), item.reason) for item in plan.files
    ))  # fmt: skip
    planned = (item for item in plan.files if item.path not in plan.conflicts)
    _show_diffs(app, planned, origins)
    app.print_table("Actions", ("Action", "Reason"), _actions(plan))
    _show_checks(app, plan)


def plan_data(app: App, plan: Plan, origins: Mapping[str, FileOrigins] = NONE) -> dict[str, Any]:
    """Give a plan as data for JSON; secrets are masked by type."""
    masked = [mask(app.engine.schema, change) for change in plan.changes]
    return {
        "id": plan.id,
        "revision": plan.revision,
        "empty": plan.is_empty,
        "changes": [
            {"setting": _setting(c), "old": c.old, "new": c.new, "by": c.who} for c in masked
        ],
        "enable": plan.enable,
        "disable": plan.disable,
        "packages": plan.packages,
        "files": [
            {
                "path": f.path,
                "module": f.module,
                "what": f.kind,
                "reason": f.reason,
                "foreign": f.foreign,
                "edited": f.edited,
                "note": f.note,
                "diff": f.diff(),
                **line_data(origins.get(f.path)),
            }
            for f in plan.files
        ],
        "actions": [{"action": action, "reason": reason} for action, reason in _actions(plan)],
        "consents": [path for _, path in plan.consents],
        "conflicts": plan.conflicts,
        "kept": plan.kept,
        "edits": [edit_data(edit) for edit in plan.edits],
        "checks": plan.checks,
        "unchecked": plan.unchecked,
        "notes": plan.notes,
        "uses": plan.uses,
    }


def _actions(plan: Plan) -> Iterable[tuple[str, str]]:
    for account in plan.accounts:
        yield f"make the system user {account.name}", account.reason
    for name, item in plan.generated:
        yield f"make {item.path}", f"{name} needs it; it is made once and kept"
    for rows in plan.rows:
        yield f"publish {counted(len(rows.changes), 'row')}", f"{rows.module} looks them up"
    for action in plan.services:
        yield str(action), action.reason


def _show_checks(app: App, plan: Plan) -> None:
    for check in plan.checks:
        app.say(f"passed: {check}")
    if plan.unchecked:
        app.say(f"not yet: {plan.unchecked}")
    for _, path in plan.consents:
        app.say(f"consent needed: {path}")
    for path in plan.conflicts:
        app.say(f"edited by hand since the last save: {path}")


def _show_diffs(
    app: App, files: Iterable[FileChange], origins: Mapping[str, FileOrigins] = NONE
) -> None:
    for item in files:
        show_diff(app, item, origins.get(item.path))


def _what(item: FileChange) -> str:
    words = item.kind
    if item.foreign:
        words += ", takes over what stands there (kept aside)"
    words += ", edited by hand" if item.edited else ""
    return f"{words}, {item.note}" if item.note else words


def _setting(change: Any) -> str:
    row = f"[{change.key}]" if change.key else ""
    return f"{change.section}{row}.{change.field}"


def _value(value: object) -> str:
    return "-" if value is None else str(value)
