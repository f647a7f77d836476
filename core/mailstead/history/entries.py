"""The history as people read it: revisions, and between them the saves that became none.

Ordered by number, not by time, so that a clock that was set back confuses nobody. Light, since
`mailstead status` reads it too.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs

from mailstead.history.settings_history import SettingsHistory
from mailstead.settings.store import Store

State = Literal[
    "", "waits to be confirmed", "undone", "rolled back", "unproven", "needs operator",
    "abandoned", "being saved",
]  # fmt: skip
REVISIONS = """
    SELECT number, r.at, r.who, r.origin, comment, r.plan, s.phase, s.reason,
    (SELECT count(*) FROM changes c WHERE c.revision = number),
    (SELECT count(*) FROM file_versions f WHERE f.revision = number),
    (SELECT why FROM pins p WHERE p.revision = number)
    FROM revisions r LEFT JOIN saves s ON s.revision = number
    WHERE number < ? ORDER BY number DESC LIMIT ?"""
ATTEMPTS = """SELECT base, id, at, who, origin, plan, phase, reason FROM saves
    WHERE revision IS NULL AND base < ? ORDER BY base DESC, id DESC LIMIT ?"""
NEWEST = (1 << 63) - 1
_REVISION_STATES: dict[str | None, State] = {
    None: "", "committed": "", "confirming": "waits to be confirmed", "rolled back": "undone",
    "unproven": "unproven", "needs operator": "needs operator", "abandoned": "abandoned",
}  # fmt: skip
_ATTEMPT_STATES: dict[str, State] = {
    "prepared": "being saved", "rolled back": "rolled back", "unproven": "unproven",
    "needs operator": "needs operator", "abandoned": "abandoned",
}  # fmt: skip


@attrs.frozen
class Entry:
    """A revision, or a save that did not become one.

    Attributes:
        number: the revision's; ``None`` for a save that became none.
        base: the revision it was made on.
        settings: how many it changed; ``None`` when that is not kept.
        files: how many it wrote or gave up; ``None`` the same.
        state: empty for a revision that was saved and stayed; ``unproven`` is undone, but what
            was there before did not answer.
        reason: why it was undone, or what an operator is needed for; its first line.
        pinned: why pruning must keep it.
    """

    number: int | None
    base: int
    at: float
    who: str
    origin: str
    comment: str
    plan: str
    state: State
    reason: str = ""
    settings: int | None = None
    files: int | None = None
    pinned: str = ""


@attrs.frozen
class Entries:
    """The history of one store."""

    store: Store

    def last(self, limit: int, before: int | None = None) -> tuple[Entry, ...]:
        """Give the last entries, newest first.

        Args:
            limit: how many; no more than that are read.
            before: only what came before this revision.
        """
        bounds = (NEWEST if before is None else before, limit)
        first = SettingsHistory(self.store).first()
        found = [((row[0], 0), _revision(row, first)) for row in self.store.run(REVISIONS, bounds)]
        found += [(row[:2], _attempt(row)) for row in self.store.run(ATTEMPTS, bounds)]
        found.sort(key=lambda pair: pair[0], reverse=True)
        return tuple(entry for _, entry in found[:limit])

    def revision(self, number: int) -> Entry | None:
        """Give a revision; ``None`` when there is no such one."""
        row = self.store.run(REVISIONS, (number + 1, 1)).fetchone()
        if row is None or row[0] != number:
            return None
        return _revision(row, SettingsHistory(self.store).first())

    def failed(self) -> Entry | None:
        """Give the save that became no revision and needs an operator."""
        found = self.store.run(ATTEMPTS, (NEWEST, 1)).fetchone()
        entry = None if found is None else _attempt(found)
        return entry if entry and entry.state == "needs operator" else None


def _revision(row: tuple[Any, ...], first: int) -> Entry:
    number, at, who, origin, comment, plan, phase, reason, settings, files, pinned = row
    is_kept = number >= first
    return Entry(
        number,
        number - 1,
        at,
        who,
        origin,
        comment,
        plan,
        _REVISION_STATES[phase],
        _first_line(reason),
        settings=settings if is_kept else None,
        files=files if is_kept else None,
        pinned=pinned or "",
    )


def _attempt(row: tuple[Any, ...]) -> Entry:
    base, _, at, who, origin, plan, phase, reason = row
    state = _ATTEMPT_STATES[phase]
    return Entry(None, base, at, who, origin, "", plan, state, _first_line(reason))


def _first_line(reason: str | None) -> str:
    return (reason or "").partition("\n")[0]
