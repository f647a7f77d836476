"""What admins decided about files they edited by hand; each holds for the next save."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import attrs

from mailstead.settings.store import Store

Choice = Literal["keep", "take", "merge"]
Side = Literal["yours", "ours"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
COLUMNS = "path, choice, sha256, ours, conflicts, who, at"


@attrs.frozen
class Decision:
    """What shall become of a file: keep yours, take ours, or merge both.

    Attributes:
        sha256: digest of what stood there when it was decided; of another content it says
            nothing.
        ours: digest of what was rendered then.
        conflicts: whose side is taken where a merge conflicts; empty: nobody's.
    """

    path: str
    choice: Choice
    sha256: str
    ours: str
    conflicts: Side | None = None
    who: str = ""
    at: float = 0.0

    def holds_for(self, sha256: str, ours: str) -> bool:
        """Tell whether it was decided about this content on the disk, and this of ours.

        Taking ours, and a merge without conflicts, hold for whatever ours is by now.
        """
        bound = self.choice == "keep" or self.conflicts is not None
        return self.sha256 == sha256 and (self.ours == ours or not bound)


@attrs.frozen
class Decisions:
    """The decisions in a store; they wait for a save that carries them out."""

    store: Store

    def all(self) -> dict[str, Decision]:
        """Give every decision by system path, also those that hold no more."""
        rows = self.store.run(f"SELECT {COLUMNS} FROM decisions ORDER BY path")  # noqa: S608
        return {
            path: Decision(path, choice, sha256, ours, conflicts or None, who, at)
            for path, choice, sha256, ours, conflicts, who, at in rows
        }

    def put(self, decision: Decision) -> None:
        """Remember a decision, instead of an earlier one about the same file."""
        with self.store.transaction():
            values = {**attrs.asdict(decision), "conflicts": decision.conflicts or ""}
            marks = ", ".join(f":{name}" for name in COLUMNS.split(", "))
            insert = f"INSERT OR REPLACE INTO decisions ({COLUMNS}) VALUES ({marks})"  # noqa: S608
            self.store.run(insert, values)

    def drop(self, paths: Iterable[str]) -> None:
        """Forget decisions; one that is not there is no error."""
        with self.store.transaction():
            for path in paths:
                self.store.run("DELETE FROM decisions WHERE path = ?", (path,))
