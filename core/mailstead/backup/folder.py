"""The folder of backups: names, the list, and which go when there are too many."""

from __future__ import annotations

import re

import attrs

from mailstead.backup.archive import opened
from mailstead.backup.manifest import Manifest, time_of
from mailstead.errors import MailsteadError
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.machine.values import Path

FOLDER = "/var/backups/mailstead"
SUFFIX = ".tar"
_OURS = re.compile(r"mailstead-[0-9]+-[0-9]{8}T[0-9]{6}Z\.tar")


@attrs.frozen
class Listed:
    """A file in the folder: its manifest, or why it has none that can be used."""

    path: Path
    size: int
    manifest: Manifest | None
    problem: str = ""


def name_of(revision: int, now: float) -> str:
    """Name a backup, so that names sort by revision and time."""
    return f"mailstead-{revision}-{re.sub('[-:]', '', time_of(now))}{SUFFIX}"


def make_folder(machine: Machine, instance: Instance) -> Path:
    """Make the folder that backups go to, for root alone, and sweep what a crash left in it."""
    folder = instance.path(FOLDER)
    for parent in reversed(folder.parents):
        if machine.stat_file(parent) is None:
            machine.make_directory(parent, mode=0o755, uid=0, gid=0)
    machine.make_directory(folder, mode=0o700, uid=0, gid=0)
    machine.sweep(folder)
    return folder


def list_backups(machine: Machine, folder: Path) -> tuple[Listed, ...]:
    """List the archives in a folder, oldest first; what is damaged is listed with the reason."""
    found = (_listed(machine, folder / name) for name in machine.list_directory(folder)
             if name.endswith(SUFFIX))  # fmt: skip
    return tuple(sorted((item for item in found if item), key=_age))


def remove_oldest(machine: Machine, made: Path, keep: int) -> tuple[Path, ...]:
    """Remove the oldest of our own beyond so many from the folder of the one just made.

    Our own have our names and our host's; that one stays, whatever the clock says.
    """
    listed = [
        item for item in list_backups(machine, made.parent) if _OURS.fullmatch(item.path.name)
    ]
    new = next(item.manifest for item in listed if item.path == made)
    assert new is not None  # noqa: S101 - it was verified
    others = [item.path for item in listed if item.path != made
              and item.manifest is not None and item.manifest.host == new.host]  # fmt: skip
    gone = tuple(others[: max(0, len(others) - (keep - 1))])
    for path in gone:
        machine.remove_file(path)
    return gone


def _listed(machine: Machine, path: Path) -> Listed | None:
    state = machine.stat_file(path)
    if state is None or state.kind != "file":
        return None
    try:
        with opened(machine, path) as archive:
            return Listed(path, state.size, archive.manifest)
    except MailsteadError as error:
        return Listed(path, state.size, None, error.problem)


def _age(item: Listed) -> tuple[bool, int, str, str]:
    found = item.manifest
    if found is None:
        return False, 0, "", item.path.name
    return True, found.revision, found.made, item.path.name
