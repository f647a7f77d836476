"""Compare the files that shall be with the files that are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import attrs

from mailstead.errors import MachineError
from mailstead.hand_edits.hand_edit import HandEdit, Judge, digest
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.machine.values import Path
from mailstead.settings.cells import OwnedFile
from mailstead.transaction.changes import FileChange, FileVersion
from mailstead.transaction.originals import Originals
from mailstead.transaction.render import Rendered

UNKNOWN_ID = -1


@attrs.frozen
class FileComparison:
    """What the comparison found: what to change, and what was edited by hand but may stay."""

    changes: tuple[FileChange, ...] = ()
    left_alone: tuple[HandEdit, ...] = ()

    @property
    def edits(self) -> tuple[HandEdit, ...]:
        """Give every hand edit, by path."""
        changed = (change.edit for change in self.changes if change.edit)
        return tuple(sorted((*self.left_alone, *changed), key=lambda edit: edit.path))

    def __add__(self, other: FileComparison) -> FileComparison:
        return FileComparison(self.changes + other.changes, self.left_alone + other.left_alone)


@attrs.frozen
class FileComparer:
    """Compares rendered files with an instance's, knowing what was written there before."""

    machine: Machine
    instance: Instance
    owned: Mapping[str, OwnedFile]
    reasons: Mapping[str, str]
    judge: Judge

    def compare(self, rendered: Iterable[Rendered]) -> FileComparison:
        """Find the files to create or change."""
        return _split(map(self._change, rendered), self._is_due)

    def removals(self, module: str, wanted: Collection[str]) -> FileComparison:
        """Find files the module wrote before that nobody wants any more."""
        return _split(self._removals(module, wanted, None), _is_unwanted)

    def restorations(
        self,
        module: str,
        wanted: Collection[str],
        originals: Originals,
        only: Collection[str] | None = None,
    ) -> FileComparison:
        """Put back what stood there before the module took its files over: all, or ``only``."""
        found = self._removals(module, wanted, originals)
        return _split((it for it in found if only is None or it.path in only), _is_unwanted)

    def version(self, path: str) -> FileVersion | None:
        """Read what stands at a system path. Raises MachineError for links and folders."""
        return read_version(self.machine, self.instance.path(path))

    def _change(self, item: Rendered) -> FileChange:
        old = self.version(item.path)
        owned = self.owned.get(item.path)
        edit = self._edit(owned, old, item.content, wanted=True, secret=item.secret)
        ours = self._new(item)
        content = edit.result if edit else None
        new = ours if content is None else attrs.evolve(ours, content=content)
        return FileChange(
            module=item.module,
            path=item.path,
            real=self.instance.path(item.path),
            old=old,
            new=new,
            owner=item.owner,
            group=item.group,
            reason=self.reasons.get(item.path, ""),
            secret=item.secret,
            foreign=old is not None and owned is None and old.content != item.content,
            edit=edit,
            note=_note(owned, old, new, item.module),
        )

    def _is_due(self, change: FileChange) -> bool:
        """Tell whether a save has to do anything about a file.

        A content that no save ended with is due, though it is as planned: what a killed save
        wrote its daemons may not have read yet.
        """
        if change.old != change.new:
            return True
        if change.edit:
            return not change.edit.is_left_alone
        owned = self.owned.get(change.path)
        ours = digest(change.new.content if change.new else None)
        return owned is None or (owned.sha256, owned.base, owned.choice) != (ours, ours, "")

    def _edit(
        self,
        owned: OwnedFile | None,
        version: FileVersion | None,
        ours: bytes | None,
        *,
        wanted: bool,
        secret: bool,
    ) -> HandEdit | None:
        if owned is None or version is None:
            return None
        state = self.machine.stat_file(self.instance.path(owned.path))
        modified = state.modified if state else 0.0
        return self.judge.look(
            owned, version, ours, modified=modified, wanted=wanted, secret=secret
        )

    def _new(self, item: Rendered) -> FileVersion:
        user, group = self.machine.user(item.owner), self.machine.group(item.group)
        uid = UNKNOWN_ID if user is None else user[0]
        return FileVersion(item.content, item.mode, uid, UNKNOWN_ID if group is None else group)

    def _removals(
        self, module: str, wanted: Collection[str], originals: Originals | None
    ) -> Iterable[FileChange]:
        for path, owned in sorted(self.owned.items()):
            if owned.module != module or path in wanted:
                continue
            old = self.version(path)
            if old is not None:
                new = originals.read(path) if originals else None
                yield self._removal(owned, old, new)

    def _removal(self, owned: OwnedFile, old: FileVersion, new: FileVersion | None) -> FileChange:
        ours = new.content if new else None
        edit = self._edit(owned, old, ours, wanted=False, secret=owned.secret)
        return FileChange(
            module=owned.module,
            path=owned.path,
            real=self.instance.path(owned.path),
            old=old,
            new=old if edit and edit.choice == "keep" else new,
            reason="no longer needed",
            secret=owned.secret,
            edit=edit,
        )


def _split(found: Iterable[FileChange], is_due: Callable[[FileChange], bool]) -> FileComparison:
    """Tell what is to be done from hand edits that are left alone."""
    changes, left_alone = [], []
    for change in found:
        if is_due(change):
            changes.append(change)
        elif change.edit:
            left_alone.append(change.edit)
    return FileComparison(tuple(changes), tuple(left_alone))


def _is_unwanted(change: FileChange) -> bool:
    """Tell whether a file goes: all that are no longer needed, but those once kept already."""
    return change.edit is None or not change.edit.is_left_alone


def _note(owned: OwnedFile | None, old: FileVersion | None, new: FileVersion, module: str) -> str:
    """Say what was done by hand besides editing, and whose the file was."""
    if owned is None:
        return ""
    if old is None:
        return "it was removed by hand"
    before, after = _rights(old), _rights(new)
    moved = (f"it was module {owned.module}'s",) if owned.module != module else ()
    rights = (f"its rights {before} become {after}",) if before != after else ()
    return ", ".join((*moved, *rights))


def _rights(version: FileVersion) -> str:
    return f"{version.mode:03o} {version.uid}:{version.gid}"


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
