"""Open an archive for a restore: checked as a whole, its settings part in a private folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import attrs

from mailstead.backup.archive import Archive, opened
from mailstead.backup.contents import Index, Item
from mailstead.backup.flow import Sink
from mailstead.backup.headers import Header
from mailstead.backup.seal import Key
from mailstead.errors import MachineError
from mailstead.machine.base import Machine
from mailstead.machine.values import Path

if TYPE_CHECKING:
    from mailstead.engine import Engine


@attrs.define
class OpenedArchive:
    """An archive that was read whole, and found to be as it was made.

    Attributes:
        folder: private; holds the images, and those a save takes of what it replaces.
        images: the unpacked items by name.
        kept: whether the folder stays, for an operator.
    """

    archive: Archive
    key: Key | None = attrs.field(repr=False)
    index: Index
    folder: Path
    images: Mapping[str, Path]
    kept: bool = False

    def old_image(self, item: Item) -> Path:
        """Give where a save puts what a database held before."""
        return self.images[item.name].with_suffix(".old")


@contextmanager
def open_archive(engine: Engine, path: Path, passphrase: str | None) -> Iterator[OpenedArchive]:
    """Open an archive. Raises NotFound, ArchiveError, InvalidInput, Locked, MachineError.

    One archive at a time is open so; nothing outside the private folder is written.
    """
    machine = engine.machine
    folder = engine.instance.state_path("restore")
    with (
        machine.lock(engine.instance.state_path("restore.lock")),
        opened(machine, path) as archive,
    ):
        key = archive.require_key(passphrase)
        archive.verify(key)
        _refuse_full_disk(machine, folder, archive.manifest.settings.unpacked)
        machine.remove_tree(folder)
        machine.make_directory(folder, mode=0o700, uid=0, gid=0)
        found: OpenedArchive | None = None
        try:
            found = _unpacked(machine, archive, key, folder)
            yield found
        finally:
            if found is None or not found.kept:
                machine.remove_tree(folder)


def _unpacked(machine: Machine, archive: Archive, key: Key | None, folder: Path) -> OpenedArchive:
    images: dict[str, Path] = {}

    def take(header: Header) -> AbstractContextManager[Sink]:
        images[header.name] = folder / f"{len(images)}.image"
        return machine.replace_stream(images[header.name], mode=0o600, uid=0, gid=0)

    index = archive.settings(key, take)
    return OpenedArchive(archive, key, index, folder, images)


def _refuse_full_disk(machine: Machine, folder: Path, needed: int) -> None:
    free = machine.free_space(folder)
    if free < needed:
        problem = f"{free >> 20} MiB are free, {(needed >> 20) + 1} MiB are needed"
        raise MachineError(problem, where=str(folder), hint="free some disk space")
