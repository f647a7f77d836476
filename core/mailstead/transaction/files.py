"""Compare the files that shall be with the files that are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import attrs

from mailstead.errors import MachineError
from mailstead.instance import Instance
from mailstead.machine.base import Machine, Path
from mailstead.settings.cells import OwnedFile
from mailstead.transaction.changes import FileChange, FileVersion
from mailstead.transaction.originals import Originals
from mailstead.transaction.render import Rendered

UNKNOWN_ID = -1


@attrs.frozen
class FileComparison:
    """What the comparison found: what to change, and what was edited by hand but may stay."""

    changes: tuple[FileChange, ...]
    kept: tuple[str, ...]


@attrs.frozen
class FileComparer:
    """Compares rendered files with an instance's, knowing what was written there before."""

    machine: Machine
    instance: Instance
    owned: Mapping[str, OwnedFile]
    reasons: Mapping[str, str]

    def compare(self, rendered: Iterable[Rendered]) -> FileComparison:
        """Find the files to create or change."""
        changes: list[FileChange] = []
        kept: list[str] = []
        for item in rendered:
            change = self._change(item)
            if self._is_kept(change, item):
                kept.append(item.path)
            elif change.old != change.new or not self._is_recorded(item):
                changes.append(change)
        return FileComparison(tuple(changes), tuple(kept))

    def removals(self, module: str, rendered: Iterable[Rendered]) -> tuple[FileChange, ...]:
        """Find files the module wrote before and does not want any more."""
        wanted = {item.path for item in rendered}
        return tuple(
            self._removal(path)
            for path, owned in sorted(self.owned.items())
            if owned.module == module and path not in wanted and self.version(path)
        )

    def restorations(self, module: str, originals: Originals) -> tuple[FileChange, ...]:
        """Put back what stood there before the module took its files over."""
        return tuple(
            attrs.evolve(self._removal(path), new=originals.read(path))
            for path, owned in sorted(self.owned.items())
            if owned.module == module and self.version(path)
        )

    def version(self, path: str) -> FileVersion | None:
        """Read what stands at a system path. Raises MachineError for links and folders."""
        return read_version(self.machine, self.instance.path(path))

    def _change(self, item: Rendered) -> FileChange:
        old = self.version(item.path)
        owned = self.owned.get(item.path)
        differs = old is not None and old.content != item.content
        return FileChange(
            module=item.module,
            path=item.path,
            real=self.instance.path(item.path),
            old=old,
            new=self._new(item),
            owner=item.owner,
            group=item.group,
            reason=self.reasons.get(item.path, ""),
            secret=item.secret,
            foreign=differs and owned is None,
            edited=differs and owned is not None and old is not None and old.sha256 != owned.sha256,
        )

    def _is_recorded(self, item: Rendered) -> bool:
        """Tell whether a save ended with this content.

        What a killed save wrote is not: its daemons may not have read it yet.
        """
        owned = self.owned.get(item.path)
        return owned is not None and owned.sha256 == hashlib.sha256(item.content).hexdigest()

    def _new(self, item: Rendered) -> FileVersion:
        user, group = self.machine.user(item.owner), self.machine.group(item.group)
        uid = UNKNOWN_ID if user is None else user[0]
        return FileVersion(item.content, item.mode, uid, UNKNOWN_ID if group is None else group)

    def _is_kept(self, change: FileChange, item: Rendered) -> bool:
        """A hand edit of a file we do not want to change ourselves is left alone."""
        digest = hashlib.sha256(item.content).hexdigest()
        return change.edited and self.owned[item.path].sha256 == digest

    def _removal(self, path: str) -> FileChange:
        owned = self.owned[path]
        old = self.version(path)
        return FileChange(
            module=owned.module,
            path=path,
            real=self.instance.path(path),
            old=old,
            new=None,
            reason="no longer needed",
            edited=old is not None and old.sha256 != owned.sha256,
        )


def read_version(machine: Machine, path: Path) -> FileVersion | None:
    """Read a file with its rights; ``None`` when nothing stands there.

    Raises MachineError for anything but a regular file: links are never followed.
    """
    state = machine.stat_file(path)
    if state is None:
        return None
    if state.kind != "file":
        hint = "move it away, and the next save makes a file of its own"
        raise MachineError(f"a {state.kind} stands there, not a file", where=str(path), hint=hint)
    attributes = machine.read_attributes(path)
    return FileVersion(machine.read_file(path), state.mode, state.uid, state.gid, attributes)
