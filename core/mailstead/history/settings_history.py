"""Settings as they were: revisions, and the changes that lead from one to another.

Only changes are kept, so what a revision's settings were is read from what changed after it:
the work is in the changes between two revisions, not in the size of the settings.
"""

from __future__ import annotations

import attrs

from mailstead.errors import NotFound
from mailstead.settings.cells import Change, Revision, decode
from mailstead.settings.store import Store

COLUMNS = "number, who, at, origin, comment, plan"
BETWEEN = """SELECT section, key, field, old, new, who, at, origin FROM changes
    WHERE revision > ? AND revision <= ? ORDER BY revision"""
SAVED_AS = """SELECT number FROM revisions WHERE plan = ? AND NOT EXISTS (SELECT 1 FROM saves
    WHERE revision = number AND phase NOT IN ('committed', 'confirming'))"""
Place = tuple[str, str, str]


@attrs.frozen
class SettingsHistory:
    """The revisions of one store."""

    store: Store

    def revision(self, number: int) -> Revision:
        """Give a revision. Raises NotFound."""
        found = self._revisions("number = ?", number)
        if not found:
            last = self.store.revision()
            hint = f"the last is {last}" if last else "nothing was saved yet"
            raise NotFound("there is no such revision", where=f"revision {number}", hint=hint)
        return found[0]

    def after(self, number: int, limit: int) -> tuple[Revision, ...]:
        """Give the last revisions that were saved after one, newest first."""
        return self._revisions("number > ? ORDER BY number DESC LIMIT ?", number, limit)

    def saved_as(self, plan: str) -> int | None:
        """Give the revision that a plan became; ``None`` when it was not saved, or was undone."""
        row = self.store.run(SAVED_AS, (plan,)).fetchone()
        return None if row is None else int(row[0])

    def first(self) -> int:
        """Give the first revision whose changes are all kept."""
        row = self.store.run("SELECT coalesce(max(first), 1) FROM prunings").fetchone()
        return int(row[0])

    def net(self, start: int, end: int) -> tuple[Change, ...]:
        """Give what leads from one revision's settings to another's; 0 is before the first.

        ``end`` may be the earlier one. A cell that was changed and changed back is no
        difference; where one was changed several times, its last author is named.
        Raises NotFound.
        """
        low, high = sorted((start, end))
        self._refuse_lost(low)
        if high:
            self.revision(high)
        found: dict[Place, tuple[str | None, str | None, tuple[str, float, str]]] = {}
        for section, key, field, old, new, *author in self.store.run(BETWEEN, (low, high)):
            place = (section, key, field)
            oldest = found[place][0] if place in found else old
            found[place] = (oldest, new, tuple(author))
        if start > end:
            found = {place: (new, old, author) for place, (old, new, author) in found.items()}
        return tuple(
            Change(*place, decode(old), decode(new), *author)
            for place, (old, new, author) in sorted(found.items())
            if old != new
        )

    def _refuse_lost(self, number: int) -> None:
        """Refuse a revision from which nothing leads on, since changes were pruned."""
        if number < 0:
            self.revision(number)
        first = self.first()
        if number < first - 1:
            hint = f"the earliest that can be returned to or compared with is {first - 1}"
            problem = "its changes were dropped by `mailstead history prune`"
            raise NotFound(problem, where=f"revision {number}", hint=hint)

    def _revisions(self, where: str, *values: int) -> tuple[Revision, ...]:
        select = f"SELECT {COLUMNS} FROM revisions WHERE {where}"  # noqa: S608 - constants
        return tuple(Revision(*row) for row in self.store.run(select, values))
