"""The store: draft, running and history of all settings, in one SQLite file.

Settings are cells: (section, key, field) to JSON, the key being empty for forms. Only what was
set is kept, so defaults may change. The draft is an overlay of running, and a revision is the
list of its changes: every operation costs what the change costs.

Secrets, and with them their history, are held in the clear in this file of mode 0600.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, groupby
from operator import itemgetter
from pathlib import PurePath
from types import TracebackType
from typing import Self

import attrs

from mailstead.errors import Locked, MachineError
from mailstead.settings.cells import (
    Actor,
    Cell,
    Change,
    Json,
    Revision,
    Tree,
    decode,
    encode,
)
from mailstead.settings.store_file import damaged, is_damage, open_database

__all__ = ["Actor", "Cell", "Change", "Revision", "Store", "Tree"]

Triple = tuple[str, str, str | None]
DRAFT_CHANGES = """
    SELECT d.section, d.key, d.field, r.value, d.value, d.who, d.at, d.origin FROM draft d
    LEFT JOIN running r ON r.section = d.section AND r.key = d.key AND r.field = d.field
    ORDER BY d.section, d.key, d.field"""
COMMIT = (
    """INSERT INTO changes VALUES (:number, :section, :key, :field, :old, :new, :who, :at,
    :origin)""",
    "DELETE FROM running WHERE section = :section AND key = :key AND field = :field",
    "INSERT INTO running SELECT :section, :key, :field, :new, :number WHERE :new IS NOT NULL",
    """INSERT INTO draft SELECT :section, :key, :field, :old, :who, :at, :origin WHERE NOT EXISTS
    (SELECT 1 FROM draft WHERE section = :section AND key = :key AND field = :field)""",
    """DELETE FROM draft WHERE section = :section AND key = :key AND field = :field
    AND value IS :new""",
)


class Store:
    """An open store. Use it in one thread, and close it."""

    def __init__(self, connection: sqlite3.Connection, path: str = "") -> None:
        self._connection = connection
        self._path = path
        self._depth = 0

    @classmethod
    def open(cls, path: PurePath | str, create: bool = False) -> Self:
        """Open a store. Raises InstanceError."""
        return cls(open_database(path, create=create), str(path))

    def close(self) -> None:
        """Close the file; an open transaction is rolled back."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all or nothing. Inside another it joins it: only the outermost commits."""
        begin, commit, undo = self._statements()
        self.run(begin)
        self._depth += 1
        try:
            yield
            self.run(commit)
        except BaseException:
            # SQLite may have rolled back by itself, as it does when the disk is full.
            if self._connection.in_transaction:
                for statement in undo:
                    self.run(statement)
            raise
        finally:
            self._depth -= 1

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Do something and undo it: what is written is seen inside, and gone afterwards."""
        try:
            with self.transaction():
                yield
                raise _TrialOver
        except _TrialOver:
            pass

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read all of it as it is at one moment, whatever others write. Do not write inside."""
        if self._depth:
            yield
            return
        self.run("BEGIN")
        try:
            yield
        finally:
            self.run("ROLLBACK")

    def _statements(self) -> tuple[str, str, tuple[str, ...]]:
        if not self._depth:
            return "BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",)
        name = f"level_{self._depth}"
        release = f"RELEASE {name}"
        return f"SAVEPOINT {name}", release, (f"ROLLBACK TO {name}", release)

    def run(
        self, statement: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> sqlite3.Cursor:
        """Run one statement, for the classes that keep tables of their own in this file.

        Raises Locked, StoreDamaged, MachineError.
        """
        try:
            return self._connection.execute(statement, values)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise Locked("another process is writing the settings") from error
            raise MachineError(f"the settings cannot be read or written: {error}") from error
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            raise damaged(self._path, error) from error

    # reading

    def record(self, tree: Tree, section: str, key: str) -> dict[str, Json]:
        """Give the set fields of a form (key ``""``) or row; empty when there are none."""
        where = "WHERE section = ? AND key = ?"
        cells = dict(self.run(f"SELECT field, value FROM running {where}", (section, key)))  # noqa: S608
        if tree == "draft":
            cells.update(self.run(f"SELECT field, value FROM draft {where}", (section, key)))  # noqa: S608
        return {name: decode(cells[name]) for name in sorted(cells) if cells[name] is not None}

    def records(
        self, tree: Tree, section: str, prefix: str = ""
    ) -> Iterator[tuple[str, dict[str, Json]]]:
        """Stream the records of a section in the order of their key texts.

        ``prefix`` is one or more whole parts of a key. Do not write while this is under way.
        """
        cells = self._overlay(tree, section, prefix)
        for key, group in groupby(cells, key=itemgetter(0)):
            record = {field: decode(value) for _, field, value in group if value is not None}
            if record:
                yield key, record

    def _overlay(self, tree: Tree, section: str, prefix: str) -> Iterator[Triple]:
        running = self._cells("running", section, prefix)
        if tree == "running":
            return running
        # Both ways order by UTF-8 bytes, and the merge is stable: the draft's cell comes first.
        merged = heapq.merge(self._cells("draft", section, prefix), running, key=itemgetter(0, 1))
        return (next(group) for _, group in groupby(merged, key=itemgetter(0, 1)))

    def _cells(self, table: Tree, section: str, prefix: str) -> Iterator[Triple]:
        select = f"SELECT key, field, value FROM {table} WHERE section = ?"  # noqa: S608
        order = " ORDER BY key, field"
        if not prefix:
            return self.run(select + order, (section,))
        exact = self.run(f"{select} AND key = ?{order}", (section, prefix))
        # "0" follows "/", so this is every key that goes on after the prefix with a new part.
        bounds = (section, f"{prefix}/", f"{prefix}0")
        return chain(exact, self.run(f"{select} AND key >= ? AND key < ?{order}", bounds))

    def sections(self, tree: Tree) -> set[str]:
        """Give the sections that may have records."""
        select = "SELECT DISTINCT section FROM running"
        if tree == "draft":
            select += " UNION SELECT DISTINCT section FROM draft"
        return {section for (section,) in self.run(select)}

    def cells(self) -> Iterator[Cell]:
        """Stream all cells of running in the order of section, key and field."""
        select = "SELECT section, key, field, value FROM running ORDER BY section, key, field"
        rows = self.run(select)
        return (Cell(section, key, field, decode(value)) for section, key, field, value in rows)

    def count(self, tree: Tree, section: str) -> int:
        """Count the records of a section; of the draft, only the changed ones are looked at."""
        distinct = "SELECT count(DISTINCT key) FROM running WHERE section = ?"
        number = int(self.run(distinct, (section,)).fetchone()[0])
        if tree == "running":
            return number
        changed = self.run("SELECT DISTINCT key FROM draft WHERE section = ?", (section,))
        return number + sum(self._growth(section, key) for (key,) in changed.fetchall())

    def keys(self, tree: Tree, section: str, field: str) -> Iterator[str]:
        """Stream the keys of records that set a field, in no order."""
        select = "SELECT key FROM running r WHERE section = ?1 AND field = ?2"
        if tree == "draft":
            same = "d.section = r.section AND d.key = r.key AND d.field = r.field"
            select += (
                f" AND NOT EXISTS (SELECT 1 FROM draft d WHERE {same}) UNION ALL "  # noqa: S608
                "SELECT key FROM draft WHERE section = ?1 AND field = ?2 AND value IS NOT NULL"
            )
        return (key for (key,) in self.run(select, (section, field)))

    def _growth(self, section: str, key: str) -> int:
        return bool(self.record("draft", section, key)) - bool(self.record("running", section, key))

    # the draft

    def edit(self, cells: Iterable[Cell], actor: Actor, at: float) -> tuple[Change, ...]:
        """Write cells to the draft; a cell that equals running leaves the draft.

        Gives what changed in the draft.
        """
        with self.transaction():
            found = [self._edit(cell, actor, at) for cell in cells]
        return tuple(change for change in found if change.old != change.new)

    def _edit(self, cell: Cell, actor: Actor, at: float) -> Change:
        place = (cell.section, cell.key, cell.field)
        value = encode(cell.value)
        running, draft = self._value("running", place), self._value("draft", place)
        before = draft[0] if draft else running[0] if running else None
        if value == (running[0] if running else None):
            where = "WHERE section = ? AND key = ? AND field = ?"
            self.run(f"DELETE FROM draft {where}", place)  # noqa: S608
        else:
            values = (*place, value, actor.name, at, actor.origin)
            self.run("INSERT OR REPLACE INTO draft VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        return Change(*place, decode(before), cell.value, actor.name, at, actor.origin)

    def _value(self, tree: Tree, place: tuple[str, str, str]) -> tuple[str | None] | None:
        select = f"SELECT value FROM {tree} WHERE section = ? AND key = ? AND field = ?"  # noqa: S608
        found: tuple[str | None] | None = self.run(select, place).fetchone()
        return found

    def draft_changes(self) -> tuple[Change, ...]:
        """Give what the draft would change, ordered by section, key and field."""
        return tuple(map(_change, self.run(DRAFT_CHANGES)))

    def has_draft(self) -> bool:
        """Tell whether anything is unsaved."""
        return self.run("SELECT 1 FROM draft LIMIT 1").fetchone() is not None

    def discard(self, sections: Collection[str] | None = None) -> None:
        """Drop the draft, or that of some sections."""
        with self.transaction():
            if sections is None:
                self.run("DELETE FROM draft")
            for section in sections or ():
                self.run("DELETE FROM draft WHERE section = ?", (section,))

    # history

    def commit_draft(self, actor: Actor, at: float, comment: str = "", plan: str = "") -> int:
        """Make the draft the running settings; gives the new revision's number."""
        return self.commit(self.draft_changes(), actor, at, comment, plan)

    def commit(
        self, changes: Iterable[Change], actor: Actor, at: float, comment: str = "", plan: str = ""
    ) -> int:
        """Make changes the next revision; gives its number.

        What the draft says otherwise by now stays in it: a cell that was edited again, and one
        that was set back to what was running.
        """
        with self.transaction():
            number = self.revision() + 1
            values = (number, actor.name, at, actor.origin, comment, plan)
            self.run("INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?)", values)
            for change in changes:
                cells = {"old": encode(change.old), "new": encode(change.new), "number": number}
                for statement in COMMIT:
                    self.run(statement, {**attrs.asdict(change), **cells})
        return number

    def revert(self, number: int, actor: Actor, at: float, comment: str) -> int:
        """Make the next revision of the opposite of one; its changes are in the draft again."""
        undone = [attrs.evolve(c, old=c.new, new=c.old) for c in self.changes_of(number)]
        return self.commit(undone, actor, at, comment)

    def revision(self) -> int:
        """Give the number of the running revision; 0 when there is none."""
        return int(self.run("SELECT coalesce(max(number), 0) FROM revisions").fetchone()[0])

    def revisions(self, limit: int = 50) -> tuple[Revision, ...]:
        """Give the last revisions, newest first."""
        rows = self.run("SELECT * FROM revisions ORDER BY number DESC LIMIT ?", (limit,))
        return tuple(Revision(*row) for row in rows)

    def changes_of(self, number: int) -> tuple[Change, ...]:
        """Give what a revision changed, ordered by section, key and field."""
        select = "SELECT section, key, field, old, new, who, at, origin FROM changes"
        rows = self.run(f"{select} WHERE revision = ? ORDER BY section, key, field", (number,))
        return tuple(map(_change, rows))

    def last_change(self, section: str, key: str, field: str) -> tuple[Change, Revision] | None:
        """Give the newest saved change of a cell and its revision; ``None`` when there is none.

        The running cell names its revision; only for an unset one is the history gone through,
        newest first.
        """
        place = (section, key, field)
        where = "section = ? AND key = ? AND field = ?"
        running = self.run(f"SELECT revision FROM running WHERE {where}", place).fetchone()  # noqa: S608
        select = "SELECT section, key, field, old, new, who, at, origin, revision FROM changes"
        newest = f"{select} WHERE {where} AND revision BETWEEN ? AND ? ORDER BY revision DESC"
        bounds = (running[0], running[0]) if running else (0, self.revision())
        row = self.run(newest, (*place, *bounds)).fetchone()
        if row is None:
            return None
        found = self.run("SELECT * FROM revisions WHERE number = ?", (row[-1],)).fetchone()
        return _change(row[:-1]), Revision(*found)

    def is_saving(self) -> bool:
        """Tell whether a save has begun and not ended; see `mailstead.journal.journal`."""
        phases = "('prepared', 'confirming', 'needs operator')"
        return self.run(f"SELECT 1 FROM saves WHERE phase IN {phases}").fetchone() is not None  # noqa: S608

    # consents

    def consents(self, module: str) -> set[str]:
        """Give what was agreed to for a module."""
        rows = self.run("SELECT path FROM consents WHERE module = ?", (module,))
        return {path for (path,) in rows}

    def all_consents(self) -> tuple[tuple[str, str, str, float], ...]:
        """Give every consent: module, path, who and when."""
        return tuple(self.run("SELECT module, path, who, at FROM consents ORDER BY 1, 2"))

    def add_consents(self, module: str, paths: Iterable[str], actor: Actor, at: float) -> None:
        """Remember that someone agreed; the first to agree stays on record."""
        with self.transaction():
            for path in paths:
                values = (module, path, actor.name, at)
                self.run("INSERT OR IGNORE INTO consents VALUES (?, ?, ?, ?)", values)

    def drop_consents(self, module: str) -> None:
        """Forget what was agreed to for a module."""
        with self.transaction():
            self.run("DELETE FROM consents WHERE module = ?", (module,))

    def copy_to(self, path: PurePath) -> None:
        """Write a consistent copy, without what was deleted, into an empty file."""
        self.run("VACUUM INTO ?", (str(path),))


class _TrialOver(Exception):
    """Ends a trial."""


def _change(row: tuple[str, str, str, str | None, str | None, str, float, str]) -> Change:
    section, key, field, old, new, who, at, origin = row
    return Change(section, key, field, decode(old), decode(new), who, at, origin)
