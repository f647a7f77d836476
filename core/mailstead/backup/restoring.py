"""What a restore does besides settings, as steps of a save: databases, keys, files, reloads.

Only paths that modules here declare, and files of the admin's own below /etc/mailstead, are
written; what an archive says beyond that is left out and told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import attrs

from mailstead.backup.contents import Item
from mailstead.backup.declared import Declared, declared, is_own, owned_paths
from mailstead.backup.opening import OpenedArchive
from mailstead.errors import ArchiveError
from mailstead.machine.values import Path
from mailstead.settings.file_history import FileHistory
from mailstead.transaction.changes import FileChange, FileVersion
from mailstead.transaction.files import UNKNOWN_ID, read_version
from mailstead.transaction.services import ServicePlanner
from mailstead.transaction.steps import ControlService, ReplaceFile, RestoreDatabase, Step

if TYPE_CHECKING:
    from mailstead.engine import Engine

READABLE_BY_ALL = 0o004


@attrs.frozen
class DatabaseChange:
    """A database that is replaced: its rows now and afterwards; ``None`` when there is none."""

    item: Item
    real: Path
    now: Mapping[str, int] | None
    then: Mapping[str, int]


@attrs.frozen
class Restoring:
    """What an archive brings, looked at from the draft of an instance."""

    engine: Engine
    archive: OpenedArchive

    def databases(self) -> tuple[DatabaseChange, ...]:
        """Give the databases to replace. Raises ArchiveError when one does not fit."""
        return tuple(self._database(item) for item in self._wanted("sqlite"))

    def files(self) -> tuple[FileChange, ...]:
        """Give the files that differ."""
        found = (self._file(item) for item in self._wanted("file"))
        return tuple(change for change in found if change.old != change.new)

    def left_out(self) -> tuple[str, ...]:
        """Give the paths that the archive has and nobody here keeps."""
        taken = {item.name for kind in ("sqlite", "file") for item in self._wanted(kind)}
        found = (*self.archive.index.of("sqlite"), *self.archive.index.of("file"))
        return tuple(item.path for item in found if item.name not in taken)

    def steps(self) -> Iterator[Step]:
        """Give the steps of a save."""
        for item in self._wanted("sqlite"):
            real = self.engine.instance.path(item.path)
            image = self.archive.images[item.name]
            yield RestoreDatabase(real, self.archive.old_image(item), image)
        files = self.files()
        for change in files:
            yield ReplaceFile(change.module, change.path, change.real, change.old, change.new)
        yield from self._reloads(files)

    def _wanted(self, kind: str) -> tuple[Item, ...]:
        known = declared(self.engine.registry)
        items = (item for item in self.archive.index.items if item.kind == kind)
        return tuple(item for item in items if self._is_wanted(item, known.get(item.path)))

    def _is_wanted(self, item: Item, known: Declared | None) -> bool:
        if known is None:
            is_ours = item.kind == "file" and not item.module
            return is_ours and is_own(item.path, self._taken)
        if known.backup.kind != item.kind:
            return False
        is_there = self.engine.machine.stat_file(self.engine.instance.path(item.path)) is not None
        settings = self.engine.context_settings("draft")
        return is_there or known.module in self.engine.contexts.enabled(settings)

    @property
    def _taken(self) -> frozenset[str]:
        return owned_paths(self.engine.registry) | {*FileHistory(self.engine.store).owned()}

    def _database(self, item: Item) -> DatabaseChange:
        machine, real = self.engine.machine, self.engine.instance.path(item.path)
        tables = declared(self.engine.registry)[item.path].backup.counts
        image = machine.inspect_database(self.archive.images[item.name], tables)
        if machine.stat_file(real) is None:
            return DatabaseChange(item, real, None, image.rows)
        found = machine.inspect_database(real, tables)
        if found.schema != image.schema:
            version = self.archive.archive.manifest.mailstead
            hint = f"restore it with Mailstead {version}, then upgrade"
            problem = "its tables are not those of the database here"
            where = f"{self.archive.archive.path}: {item.name}"
            raise ArchiveError(problem, where=where, hint=hint)
        return DatabaseChange(item, real, found.rows, image.rows)

    def _file(self, item: Item) -> FileChange:
        machine, real = self.engine.machine, self.engine.instance.path(item.path)
        user, group = machine.user(item.owner), machine.group(item.group)
        uid = UNKNOWN_ID if user is None else user[0]
        gid = UNKNOWN_ID if group is None else group
        content = machine.read_file(self.archive.images[item.name])
        return FileChange(
            module=item.module,
            path=item.path,
            real=real,
            old=read_version(machine, real),
            new=FileVersion(content, item.mode, uid, gid),
            owner=item.owner,
            group=item.group,
            reason="from the backup",
            secret=not item.mode & READABLE_BY_ALL,
        )

    def _reloads(self, files: tuple[FileChange, ...]) -> Iterator[ControlService]:
        """Let the daemons that run read what is put; the save leaves out those it acts on.

        Of a database, too: what they prepared for the tables that were there fails once.
        """
        engine = self.engine
        target = engine.context("draft")
        stopped = engine.machine.list_directory(engine.instance.state_path("stopped"))
        planner = ServicePlanner(
            engine.registry,
            engine.controls,
            engine.context("running"),
            target,
            frozenset(stopped),
            engine.machine.deadline,
        )
        databases = [item.path for item in self._wanted("sqlite")]
        for action in planner.actions(files, databases=databases):
            if action.verb in ("reload", "restart"):
                yield ControlService(action)


def restore_steps(engine: Engine, archive: OpenedArchive) -> tuple[Step, ...]:
    """Give the steps that restore an archive's databases and files.

    To be asked when packages, system users and databases exist, as `Engine.save` does.
    """
    return tuple(Restoring(engine, archive).steps())
