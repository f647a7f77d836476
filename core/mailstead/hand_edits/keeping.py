"""What a save keeps of the files it replaces, and how it remembers those it leaves there."""

from __future__ import annotations

import attrs

from mailstead.hand_edits.aside import Aside
from mailstead.hand_edits.hand_edit import HandEdit, digest
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.settings.cells import Actor, OwnedFile
from mailstead.transaction.changes import FileChange, FileVersion
from mailstead.transaction.originals import Originals


@attrs.frozen
class Keeper:
    """Keeps what is not ours before a save replaces it, in the name of who saves."""

    machine: Machine
    instance: Instance
    actor: Actor

    def keep(self, change: FileChange) -> None:
        """Keep what a change replaces, if it is not ours."""
        old = change.old
        if old is None or (change.new and old.content == change.new.content):
            return
        if change.foreign and Originals(self.machine, self.instance).keep(change.path, old):
            return
        if change.foreign or (change.edit and not change.edit.is_safe):
            now = self.machine.now()
            Aside(self.machine, self.instance).keep(change.path, old, who=self.actor.name, at=now)


def recorded(
    change: FileChange, new: FileVersion, revision: int, actor: Actor, now: float
) -> tuple[OwnedFile, tuple[bytes, ...]]:
    """Give a file as a save leaves it, and the contents to remember with it."""
    edit = change.edit
    file = OwnedFile(change.path, change.module, new.sha256, new.mode, revision,
                     secret=change.secret)  # fmt: skip
    if edit is None or edit.choice == "take":
        return file, (new.content,)
    ours = () if edit.ours is None else (edit.ours,)
    if edit.is_left_alone:
        return _as_before(file, edit.owned), ours
    return _decided(file, edit, actor, now), (*ours, new.content)


def _as_before(file: OwnedFile, before: OwnedFile) -> OwnedFile:
    """Remember that its rights were put back; otherwise it is as much edited as it was."""
    return attrs.evolve(file, sha256=before.sha256, base=before.base, choice=before.choice,
                        since=before.since, who=before.who)  # fmt: skip


def _decided(file: OwnedFile, edit: HandEdit, actor: Actor, now: float) -> OwnedFile:
    """Remember a choice; what became equal to ours is nobody's choice any more."""
    base = digest(edit.ours)
    if file.sha256 == base or edit.decision is None:
        return file
    at, who = edit.decision.at or now, edit.decision.who or actor.name
    return attrs.evolve(file, base=base, choice=edit.decision.choice, since=at, who=who)
