"""The audit log: who did what, from where; each entry's hash covers the entry before it.

An entry is written in the transaction of what it tells of, so that neither is there without
the other. Secrets are masked before they come here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Literal

import attrs

from mailstead.settings.cells import Actor, Change, encode
from mailstead.settings.store import Store

EDIT, SAVED, DISCARDED, REVERTED = "edit", "saved", "discarded", "reverted"
State = Literal["", "pending", "saved", "discarded"]
COLUMNS = "seq, at, who, origin, event, subject, old, new, hash"


@attrs.frozen
class Entry:
    """One thing that was done.

    Attributes:
        event: ``edit`` of a setting, or another word for what was done.
        subject: the setting's path, or what else it was done to.
        old, new: JSON texts; ``None`` is unset.
        state: of an edit, whether it was saved; empty for what needs no save.
    """

    seq: int
    at: float
    who: str
    origin: str
    event: str
    subject: str
    old: str | None
    new: str | None
    hash: str
    state: State = ""


@attrs.frozen
class AuditLog:
    """The audit log of one store."""

    store: Store

    def edited(self, changes: Iterable[Change]) -> None:
        """Write down edits of settings, masked already."""
        self._append(
            (change.at, change.who, change.origin, EDIT, change.where,
             encode(change.old), encode(change.new))
            for change in changes
        )  # fmt: skip

    def note(
        self, event: str, subject: str, actor: Actor, at: float,
        old: str | None = None, new: str | None = None,
    ) -> None:  # fmt: skip
        """Write down one thing."""
        self._append([(at, actor.name, actor.origin, event, subject, old, new)])

    def _append(self, rows: Iterable[tuple[object, ...]]) -> None:
        with self.store.transaction():
            before, first = self._last(), self._next()
            for seq, row in enumerate(rows, first):
                values = (seq, *row)
                before = _hash(before, values)
                self.store.run("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                               (*values, before))  # fmt: skip

    def head(self) -> int:
        """Give the number of the last entry; 0 when there is none."""
        return self._next() - 1

    def entries(self, *, before: int = 0, limit: int = 50, search: str = "") -> tuple[Entry, ...]:
        """Give entries, newest first: those before a number, with a text in them."""
        select = f"""SELECT {COLUMNS} FROM audit WHERE (:before = 0 OR seq < :before)
            AND (:search = '' OR instr(who || ' ' || origin || ' ' || event || ' ' || subject,
            :search)) ORDER BY seq DESC LIMIT :limit"""  # noqa: S608 - names are constants
        values = {"before": before, "limit": limit, "search": search}
        found = [Entry(*row) for row in self.store.run(select, values)]
        return tuple(attrs.evolve(entry, state=self._state(entry)) for entry in found)

    def verify(self) -> tuple[int, str]:
        """Check the chain; gives how many entries there are, and what is wrong or ``""``."""
        before, count = "", 0
        for entry in self._all():
            count += 1
            if entry.seq != count:
                return count, f"entry {count} is missing"
            values = attrs.astuple(entry)[:8]
            if entry.hash != _hash(before, values):
                return count, f"entry {entry.seq} or the one before it was changed"
            before = entry.hash
        missing = self._next() - 1 - count
        return count, f"the last {missing} entries are missing" if missing else ""

    def _all(self) -> Iterator[Entry]:
        rows = self.store.run(f"SELECT {COLUMNS} FROM audit ORDER BY seq")  # noqa: S608
        return (Entry(*row) for row in rows)

    def _state(self, entry: Entry) -> State:
        """An edit is pending until what covers it was saved, or thrown away."""
        if entry.event != EDIT:
            return ""
        # Of a save, ``old`` is the last entry that it covers: later ones came while it ran.
        select = """SELECT event, new FROM audit WHERE seq > :seq AND (event = 'discarded'
            OR event = 'saved' AND CAST(old AS INTEGER) >= :seq) ORDER BY seq LIMIT 1"""
        found = self.store.run(select, {"seq": entry.seq}).fetchone()
        if found is None:
            return "pending"
        if found[0] == DISCARDED:
            return "discarded"
        reverted = "SELECT 1 FROM audit WHERE event = 'reverted' AND new = ?"
        return "pending" if self.store.run(reverted, (found[1],)).fetchone() else "saved"

    def _last(self) -> str:
        found = self.store.run("SELECT hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        return found[0] if found else ""

    def _next(self) -> int:
        """Give the next number; SQLite remembers the highest, also of entries that are gone."""
        found = self.store.run("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").fetchone()
        return int(found[0]) + 1 if found else 1


def _hash(before: str, values: tuple[object, ...]) -> str:
    text = json.dumps([before, *values], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
