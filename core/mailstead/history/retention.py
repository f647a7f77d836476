"""Drop old history: what was changed long ago, and contents of files that nothing refers to.

Revisions themselves stay listed, with who saved them, when and why. Never dropped are the last
revisions, pinned ones and all that came after them, the last change of each setting that is in
force, and the contents that a merge with an admin's edit starts from.
"""

from __future__ import annotations

import attrs

from mailstead.errors import InvalidInput, NotFound
from mailstead.history.settings_history import SettingsHistory
from mailstead.settings.cells import Actor
from mailstead.settings.store import Store

CHANGES = """DELETE FROM changes WHERE revision < :first AND NOT EXISTS (SELECT 1 FROM running r
    WHERE r.section = changes.section AND r.key = changes.key AND r.field = changes.field
    AND r.revision = changes.revision)"""
# The last version before the first whole revision stays: it is what that one is compared with.
FILES = """DELETE FROM file_versions WHERE EXISTS (SELECT 1 FROM file_versions later
    WHERE later.path = file_versions.path AND later.revision > file_versions.revision
    AND later.revision < :first)"""
REFERRED = " UNION ".join(
    f"SELECT {column} FROM {table}"  # noqa: S608 - constants
    for table, column in (("file_versions", "sha256"), ("file_versions", "base"),
                          ("owned_files", "sha256"), ("owned_files", "base"),
                          ("decisions", "sha256"))
)  # fmt: skip
CONTENTS = f"DELETE FROM contents WHERE sha256 NOT IN ({REFERRED})"  # noqa: S608 - constants


@attrs.frozen
class Pruned:
    """What was dropped.

    Attributes:
        first: the first revision that is kept whole.
        changes, files, contents: how many of each were dropped.
    """

    first: int
    changes: int
    files: int
    contents: int


@attrs.frozen
class Retention:
    """Decides what of one store's history stays."""

    store: Store

    def pin(self, number: int, why: str, actor: Actor, at: float) -> None:
        """Keep a revision; the reason of one that is pinned already is replaced."""
        if not why.strip():
            raise InvalidInput("say why it is kept", where=f"revision {number}")
        with self.store.transaction():
            self._refuse_lost(number)
            values = (number, why, actor.name, at)
            self.store.run("INSERT OR REPLACE INTO pins VALUES (?, ?, ?, ?)", values)

    def unpin(self, number: int) -> None:
        """Let a revision go. Raises NotFound when it is not pinned."""
        with self.store.transaction():
            if not self.store.run("DELETE FROM pins WHERE revision = ?", (number,)).rowcount:
                raise NotFound("it is not pinned", where=f"revision {number}")

    def prune(self, keep: int, actor: Actor, at: float) -> Pruned:
        """Keep the last revisions whole and drop what is older. Raises InvalidInput."""
        if keep < 1:
            raise InvalidInput("the present revision is always kept", hint="keep 1 at least")
        with self.store.transaction():
            first = max(self._first_kept(keep), SettingsHistory(self.store).first())
            values = {"first": first}
            changes, files, contents = (
                self.store.run(statement, values).rowcount
                for statement in (CHANGES, FILES, CONTENTS)
            )
            note = (first, actor.name, at)
            self.store.run("INSERT OR IGNORE INTO prunings VALUES (?, ?, ?)", note)
        return Pruned(first, changes, files, contents)

    def _first_kept(self, keep: int) -> int:
        wanted = max(1, self.store.revision() - keep + 1)
        pinned = self.store.run("SELECT min(revision) FROM pins").fetchone()[0]
        return wanted if pinned is None else min(wanted, int(pinned))

    def _refuse_lost(self, number: int) -> None:
        first = SettingsHistory(self.store).first()
        if number < first:
            hint = f"the first that is kept whole is {first}"
            raise NotFound("it was pruned already", where=f"revision {number}", hint=hint)
