"""Show backups: what was made, what there is, what a restore would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mailstead.cli.show import plan_data, show_plan

if TYPE_CHECKING:
    from mailstead.backup.archive import Archive
    from mailstead.backup.create import Made
    from mailstead.backup.folder import Listed
    from mailstead.backup.restore import RestorePlan
    from mailstead.backup.trees import Added
    from mailstead.cli.app import App
    from mailstead.machine.values import Path
    from mailstead.transaction.request import SaveResult

KIB = 1024


def show_made(app: App, made: Made) -> None:
    """Show a backup that was made."""
    for path in made.passed_over:
        app.warn(f"not in it, since it is a link or no file: {path}")
    app.say(f"made and read back: {made.path} ({_size(made.size)})")
    for gone in made.removed:
        app.say(f"removed: {gone}")
    app.emit(
        {
            "path": str(made.path),
            "size": made.size,
            "revision": made.manifest.revision,
            "passed_over": made.passed_over,
            "removed": [str(gone) for gone in made.removed],
        }
    )


def show_list(app: App, folder: Path, found: Iterable[Listed]) -> None:
    """Show the backups in a folder."""
    columns = ("File", "Made", "Host", "Revision", "Size", "Secrets", "Mail", "Problem")
    app.print_table(f"Backups in {folder}", columns, map(_row, found))


def show_archive(app: App, archive: Archive, is_inside: bool) -> None:
    """Show an archive that was found whole."""
    found = archive.manifest
    app.emit({"path": str(archive.path), "manifest": found, "inside": is_inside})
    app.say(
        f"{archive.path}: revision {found.revision} of {found.host}, made {found.made} "
        f"by Mailstead {found.mailstead}"
    )
    if not app.json:
        app.print_table("Members", ("Name", "Size", "Files", "SHA-256"), (
            (part.name, _size(part.size), part.files or "", part.sha256) for part in found.parts
        ))  # fmt: skip
    app.say("It is whole." if is_inside else "It is whole; --decrypt also looks inside.")


def show_restore(app: App, found: RestorePlan) -> None:
    """Show what a restore would do."""
    if not app.json:
        if found.plan.is_empty:
            app.say("Settings stay as they are.")
        else:
            show_plan(app, found.plan)
        app.print_table("Databases", ("Database", "Rows", "Now", "Then"), _counts(found))
        app.print_table("Keys and files of yours", ("File", "What", "Owner"), (
            (change.path, change.kind, f"{change.owner}:{change.group}") for change in found.files
        ))  # fmt: skip
        for line in (line for change in found.files for line in change.diff().splitlines()):
            app.say(line)
    _warn(app, found)


def restore_data(
    app: App, found: RestorePlan, result: SaveResult, mail: Added | None
) -> dict[str, Any]:
    """Give a restore as data for JSON."""
    return {
        "outcome": result.outcome,
        "revision": result.revision,
        "reason": result.reason,
        "commands": result.commands,
        "plan": plan_data(app, found.plan),
        "databases": [
            {"path": change.item.path, "now": change.now, "then": change.then}
            for change in found.databases
        ],
        "own_files": [{"path": change.path, "what": change.kind} for change in found.files],
        "left_out": found.left_out,
        "absent": found.settings.absent,
        "missing": found.settings.missing,
        "mail": mail,
    }


def _warn(app: App, found: RestorePlan) -> None:
    for path in found.left_out:
        app.warn(f"left out, since no enabled module keeps it: {path}")
    for name in found.settings.absent:
        app.warn(f"the module {name} is not installed here; its settings wait for it")
    for place in found.settings.missing:
        app.warn(f"a secret that neither the backup nor this machine has: {place}")
    if found.settings.has_draft:
        app.warn("changes that were not saved when the backup was made are left out")


def _counts(found: RestorePlan) -> Iterable[tuple[object, ...]]:
    for change in found.databases:
        if not change.then:
            yield change.item.path, "all", "", "replaced"
        for table, then in change.then.items():
            yield change.item.path, table, _number(change.now, table), then


def _number(counts: Mapping[str, int] | None, table: str) -> object:
    return counts[table] if counts is not None else "none yet"


def _row(item: Listed) -> tuple[object, ...]:
    name, size, found = item.path.name, _size(item.size), item.manifest
    if found is None:
        return name, "", "", "", size, "", "", item.problem
    return (name, found.made, found.host, found.revision, size,
            found.has_secrets, found.has_mail, "")  # fmt: skip


def _size(number: int) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < KIB:
            return f"{number} {unit}"
        number //= KIB
    return f"{number} TiB"
