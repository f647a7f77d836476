"""The write-ahead journal of saves: what is about to be done, and how to undo it.

Every step stands in the store (SQLite, WAL, synchronous=FULL) before it is taken, and once
more in a file (`JournalFile`), from which a save is undone when the database is lost. Steps
are data: undoing needs neither plugin code nor valid settings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import attrs

from mailstead.errors import MachineError, MailsteadError
from mailstead.journal.codec import FORMAT, checksum, decode, dump, encode
from mailstead.journal.journal_file import JournalFile, refuse_newer
from mailstead.journal.records import OPEN, Phase, Record, Taken, Wait
from mailstead.settings.audit import SAVED, AuditLog
from mailstead.settings.cells import Actor
from mailstead.settings.store import Store
from mailstead.transaction.steps import Step


@attrs.frozen
class Journal:
    """The journal of one store, with its copy in files."""

    store: Store
    file: JournalFile

    def prepared(self, plan: str, base: int, actor: Actor, at: float, steps: Sequence[Step]) -> int:
        """Record a save that is about to begin; gives its number. Durable when this returns."""
        with self.store.transaction():
            insert = """INSERT INTO saves (format, phase, plan, base, who, origin, at)
                VALUES (?, 'prepared', ?, ?, ?, ?, ?)"""
            values = (FORMAT, plan, base, actor.name, actor.origin, at)
            number = int(self.store.run(insert, values).lastrowid or 0)
            for position, step in enumerate(steps):
                data = dump(encode(step))
                row = (number, position, data, checksum(data))
                self.store.run("INSERT INTO steps VALUES (?, ?, ?, ?, 0)", row)
            AuditLog(self.store).note("save", f"plan {plan}", actor, at)
        taken = tuple(Taken(step, begun=False) for step in steps)
        self.file.write(Record(number, "prepared", plan, base, actor, at, steps=taken))
        return number

    def about_to(self, number: int, position: int) -> None:
        """Record that a step is about to be taken. Durable when this returns."""
        with self.store.transaction():
            update = "UPDATE steps SET begun = 1 WHERE save = ? AND number = ?"
            self.store.run(update, (number, position))

    def committed(
        self, number: int, revision: int, wait: Wait | None = None, *, covered: int = 0
    ) -> None:
        """Record the commit; within the transaction that makes the revision.

        ``covered`` is the last entry of the audit log that it made effective.
        """
        with self.store.transaction():
            phase = "confirming" if wait else "committed"
            confirm = dump(attrs.asdict(wait)) if wait else None
            self.store.run("UPDATE saves SET phase = ?, revision = ?, confirm = ? WHERE id = ?",
                           (phase, revision, confirm, number))  # fmt: skip
            if wait is None:
                self._drop_steps(number)
            if covered:
                self._audit(number, SAVED, f"revision {revision}", str(covered), str(revision))

    def confirmed(self, record: Record, actor: Actor, at: float) -> None:
        """Record that a save was confirmed; from now on it is one like any other."""
        assert record.revision is not None  # noqa: S101 - it was committed
        with self.store.transaction():
            self.committed(record.id, record.revision)
            AuditLog(self.store).note("confirmed", f"revision {record.revision}", actor, at)
        self.drop_copy(record.id)

    def taken_back(self, number: int, reason: str) -> None:
        """Record that a save is undone now although its time is not over.

        From here on recovery goes on with it, should the process that undoes it be killed.
        """
        update = "UPDATE saves SET phase = 'prepared', reason = ? WHERE id = ?"
        with self.store.transaction():
            self.store.run(update, (reason, number))

    def drop_copy(self, number: int) -> None:
        """Remove the copy of a save that has ended; one that stays is swept by recovery."""
        with suppress(MailsteadError):
            self.file.remove(number)

    def ended(
        self, number: int, phase: Phase, reason: str = "", commands: Sequence[str] = ()
    ) -> None:
        """Record how a save ended. Steps are kept while an operator is needed to undo them."""
        with self.store.transaction():
            update = "UPDATE saves SET phase = ?, reason = ?, commands = ? WHERE id = ?"
            self.store.run(update, (phase, reason, json.dumps(list(commands)), number))
            if phase not in OPEN:
                self._drop_steps(number)
            self._audit(number, phase, reason)
        if phase not in OPEN:
            self.drop_copy(number)

    def record(self, number: int) -> Record | None:
        """Give a save."""
        rows = self._rows("id = ?", (number,))
        return self._with_steps(rows[0]) if rows else None

    def unfinished(self) -> Record | None:
        """Give the save that has not ended, from the store or, where that has lost it, the file."""
        rows = self._rows("phase IN ('prepared', 'confirming', 'needs operator') ORDER BY id")
        if rows:
            return self._with_steps(rows[0])
        for number in self.file.ids():
            found = self.file.read(number)
            known = self._rows("id = ?", (number,))
            if not known or known[0].plan != found.plan:
                return found
        return None

    def sweep(self) -> None:
        """Remove files of saves that have ended: their writer was killed just before it."""
        for number in self.file.ids():
            known = self._rows("id = ?", (number,))
            if known and known[0].phase not in OPEN:
                self.drop_copy(number)

    def last(self) -> Record | None:
        """Give the latest save, however it ended."""
        rows = self._rows("1 ORDER BY id DESC LIMIT 1")
        return rows[0] if rows else None

    def _audit(
        self, number: int, event: str, subject: str, old: str | None = None, new: str | None = None
    ) -> None:
        for record in self._rows("id = ?", (number,)):
            at = self.file.machine.now()
            AuditLog(self.store).note(event, subject, record.actor, at, old, new)

    def _drop_steps(self, number: int) -> None:
        self.store.run("DELETE FROM steps WHERE save = ?", (number,))

    def _rows(self, where: str, values: Iterable[object] = ()) -> list[Record]:
        select = """SELECT id, phase, plan, base, who, origin, at, revision, reason, commands,
            confirm, format FROM saves WHERE """
        return [_record(row) for row in self.store.run(select + where, tuple(values))]

    def _with_steps(self, record: Record) -> Record:
        select = "SELECT number, data, checksum, begun FROM steps WHERE save = ? ORDER BY number"
        taken, damaged = [], []
        for position, data, expected, begun in self.store.run(select, (record.id,)).fetchall():
            found = decode(json.loads(data)) if checksum(data) == expected else None
            found = found or self._from_file(record, position)
            if found is None:
                damaged.append(position)
            else:
                taken.append(Taken(found, bool(begun)))
        return attrs.evolve(record, steps=tuple(taken), damaged=tuple(damaged))

    def _from_file(self, record: Record, position: int) -> Step | None:
        try:
            copy = self.file.read(record.id)
        except (MachineError, FileNotFoundError):
            return None
        lost = sum(1 for number in copy.damaged if number < position)
        whole = copy.plan == record.plan and position not in copy.damaged
        return copy.steps[position - lost].step if whole else None


def _record(row: tuple[Any, ...]) -> Record:
    (number, phase, plan, base, who, origin, at, revision, reason, commands, confirm, form) = row
    refuse_newer(form, f"save {number}")
    wait = None
    if confirm:
        data = json.loads(confirm)
        wait = Wait(**{**data, "allowed": tuple(data["allowed"])})
    return Record(number, phase, plan, base, Actor(who, origin), at, revision, reason,
                  tuple(json.loads(commands)), wait)  # fmt: skip
