"""Find what belongs in a backup, and copy what is in use, all at one moment.

Databases and settings are copied to a private folder; files are read. The caller holds the
lock of a save, so that settings, keys and published rows belong together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import attrs

from mailstead.backup.contents import Index, Item, Kind, name_of
from mailstead.backup.declared import OWN, Declared, declared, is_own, owned_paths
from mailstead.backup.flow import PIECE, Hashed, Nothing, slice_of
from mailstead.backup.headers import RIGHTS
from mailstead.backup.trees import walk
from mailstead.errors import MailsteadError
from mailstead.guard import guarded
from mailstead.machine.base import Machine
from mailstead.machine.values import FileState, Path
from mailstead.settings.cells import is_hidden
from mailstead.settings.file_history import FileHistory
from mailstead.settings.store_copy import Place, forget_secrets

if TYPE_CHECKING:
    from mailstead.engine import Engine

READABLE_BY_ALL = 0o004
SEARCHABLE_BY_ALL = 0o001
REFRESH_SECONDS = 600.0


@attrs.frozen
class Found:
    """An item and its content: bytes, or an image in the private folder."""

    item: Item
    content: bytes | Path = attrs.field(repr=False)

    def pieces(self, machine: Machine) -> Iterator[bytes]:
        """Give the content in pieces."""
        if isinstance(self.content, bytes):
            yield self.content
            return
        with machine.read_stream(self.content) as stream:
            yield from slice_of(stream, 0, self.item.size)


@attrs.frozen
class Gathered:
    """Everything for the settings part.

    Attributes:
        revision: running revision of the copied settings.
        passed_over: paths of links and the like that were not taken.
    """

    found: tuple[Found, ...]
    index: Index
    revision: int
    passed_over: tuple[str, ...]


@attrs.frozen
class Gatherer:
    """Gathers from one instance into a private folder; without secrets unless they are wanted."""

    engine: Engine
    folder: Path
    secrets: bool

    def gather(self) -> Gathered:
        """Gather everything. Raises MachineError."""
        settings, left_out = self._settings()
        passed_over: list[str] = []
        files = [*self._databases(), *self._declared_files(), *self._own_files(passed_over)]
        found = (settings, *files)
        index = Index(tuple(item.item for item in found), left_out)
        return Gathered(found, index, self.engine.store.revision(), tuple(passed_over))

    @property
    def _machine(self) -> Machine:
        return self.engine.machine

    def _settings(self) -> tuple[Found, tuple[Place, ...]]:
        path = self.folder / "settings.db"
        self._machine.write_scratch(path, b"")
        self.engine.store.copy_to(path)
        left_out: tuple[Place, ...] = ()
        if not self.secrets:
            schema = self.engine.schema
            left_out = forget_secrets(
                path, lambda section, field: is_hidden(schema, section, field)
            )
        return self._image(path, "settings", "", ""), left_out

    def _databases(self) -> list[Found]:
        wanted = [item for item in self._declared() if item.backup.kind == "sqlite"]
        self._refresh(wanted)
        copies = {
            self.engine.instance.path(item.backup.path): self.folder / f"{number}.db"
            for number, item in enumerate(wanted)
        }
        self._machine.copy_databases(copies)
        return [
            self._image(copy, "sqlite", item.backup.path, item.module)
            for item, copy in zip(wanted, copies.values(), strict=True)
        ]

    def _refresh(self, items: list[Declared]) -> None:
        for item in items:
            refresh = item.backup.refresh
            if refresh and self._is_enabled(item.module):
                call = partial(refresh, self.engine.context("running"), self._machine)
                what = f"bringing {item.backup.path} up to date"
                guarded(self._machine.deadline, item.module, what, call, seconds=REFRESH_SECONDS)

    def _is_enabled(self, module: str) -> bool:
        return module in self.engine.contexts.enabled(self.engine.context_settings("running"))

    def _declared(self) -> list[Declared]:
        """Give what is declared and there, without what is declared secret where none is wanted."""
        found = declared(self.engine.registry).values()
        return [
            item
            for item in found
            if (self.secrets or not item.backup.secret)
            and self._machine.stat_file(self.engine.instance.path(item.backup.path)) is not None
        ]

    def _declared_files(self) -> Iterator[Found]:
        for item in self._declared():
            if item.backup.kind == "file":
                yield from self._file(item.backup.path, item.module)

    def _own_files(self, passed_over: list[str]) -> Iterator[Found]:
        registry = self.engine.registry
        owned = FileHistory(self.engine.store).owned()
        taken = {*owned_paths(registry), *declared(registry), *owned}
        root = self.engine.instance.path(OWN)
        for name, state in walk(self._machine, root):
            path = f"{OWN}/{name}"
            if state.kind == "file" and is_own(path, taken):
                yield from self._file(path, "")
            elif state.kind in ("link", "other"):
                passed_over.append(path)

    def _file(self, path: str, module: str) -> Iterator[Found]:
        """Read a file, unless it is secret and none is wanted, or went away meanwhile."""
        real = self.engine.instance.path(path)
        state = self._machine.stat_file(real)
        if state is None or not (self.secrets or self._is_public(path, state)):
            return
        with suppress(FileNotFoundError):
            content = self._machine.read_file(real)
            yield Found(self._file_item(path, module, state, content), content)

    def _is_public(self, path: str, state: FileState) -> bool:
        """Tell whether every user of the system can read a file, its folders included."""
        folders = (self.engine.instance.path(str(folder)) for folder in Path(path).parents)
        found = (self._machine.stat_file(folder) for folder in folders)
        can_enter = all(folder is not None and folder.mode & SEARCHABLE_BY_ALL for folder in found)
        return can_enter and bool(state.mode & READABLE_BY_ALL)

    def _file_item(self, path: str, module: str, state: FileState, content: bytes) -> Item:
        owner, group = self._machine.owner_names(state.uid, state.gid)
        if not owner or not group:
            hint = "give it to a user and a group of the system"
            raise MailsteadError("its owner has no name", where=path, hint=hint)
        return Item(
            name=name_of("file", path),
            kind="file",
            size=len(content),
            sha256=sha256(content).hexdigest(),
            path=path,
            module=module,
            mode=state.mode & RIGHTS,
            owner=owner,
            group=group,
        )

    def _image(self, copy: Path, kind: Kind, path: str, module: str) -> Found:
        with self._machine.read_stream(copy) as stream:
            measured = Hashed(Nothing())
            while piece := stream.read(PIECE):
                measured.write(piece)
        name = name_of(kind, path)
        return Found(Item(name, kind, measured.size, measured.sha256, path, module), copy)
