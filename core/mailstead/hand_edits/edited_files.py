"""Which of our files are not as we left them: edited, kept, merged, removed, other rights.

Looks at the machine without rendering anything, so it is quick, and works with any draft. What
becomes of these files is told by a plan (`mailstead.hand_edits.hand_edit`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import attrs

from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.machine.values import FileState
from mailstead.module import Template
from mailstead.settings.cells import OwnedFile
from mailstead.settings.decisions import Decision

What = Literal["edited", "kept", "merged", "removed", "rights", "replaced"]


@attrs.frozen
class EditedFile:
    """A file that is not as we would have it.

    Attributes:
        what: ``edited`` by hand, nobody decided yet; ``kept`` or ``merged`` by a save;
            ``removed``; ``rights``: another owner or mode; ``replaced`` by a link or a folder.
        since: when it was edited, or when it was decided; ``None`` when that is not known.
        who: decided it.
        decided: what the next save will do, when somebody has decided already.
    """

    path: str
    module: str
    what: What
    since: float | None
    who: str = ""
    decided: str = ""


@attrs.frozen
class EditedFiles:
    """Finds edited files of an instance."""

    machine: Machine
    instance: Instance
    owned: Mapping[str, OwnedFile]
    decided: Mapping[str, Decision]

    def of(self, module: str, declared: Iterable[Template] = ()) -> Iterator[EditedFile]:
        """Give a module's files that are not as they were left, by path.

        ``declared`` are its templates, for their owners; empty when nobody knows them.
        """
        templates = {item.path: item for item in declared}
        for path, file in self.owned.items():
            if file.module == module:
                yield from self._look(file, templates.get(path))

    def _look(self, file: OwnedFile, template: Template | None) -> Iterator[EditedFile]:
        path = self.instance.path(file.path)
        state = self.machine.stat_file(path)
        if state is None:
            # A file that was kept though nobody wants it may go without a word.
            if file.base:
                yield EditedFile(file.path, file.module, "removed", None)
        elif state.kind != "file":
            yield EditedFile(file.path, file.module, "replaced", state.modified)
        else:
            digest = hashlib.sha256(self.machine.read_file(path)).hexdigest()
            if digest != file.base:
                yield self._edited(file, digest, state)
            if self._has_other_rights(file, state, template if file.base else None):
                yield EditedFile(file.path, file.module, "rights", None)

    def _edited(self, file: OwnedFile, digest: str, state: FileState) -> EditedFile:
        decision = self.decided.get(file.path)
        decided = decision.choice if decision and decision.sha256 == digest else ""
        if digest == file.sha256 and file.choice:
            what: What = "kept" if file.choice == "keep" else "merged"
            return EditedFile(file.path, file.module, what, file.since, file.who, decided)
        return EditedFile(file.path, file.module, "edited", state.modified, decided=decided)

    def _has_other_rights(
        self, file: OwnedFile, state: FileState, template: Template | None
    ) -> bool:
        if template is None:
            return state.mode != file.mode
        user, group = self.machine.user(template.owner), self.machine.group(template.group)
        return (state.mode, state.uid, state.gid) != (template.mode, user and user[0], group)
