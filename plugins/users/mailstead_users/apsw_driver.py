"""SQLAlchemy's way to SQLite through apsw: as much of PEP 249 as its dialect asks for.

Why not the standard library's sqlite3: it cannot keep the write-ahead log for unprivileged
readers, and it is another copy of SQLite than apsw's. Two copies must never open the same file
in one process: closing a file in one drops the locks of the other (sqlite.org/howtocorrupt.html,
section 2.2.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import apsw

apilevel = "2.0"
paramstyle = "qmark"
threadsafety = 1
sqlite_version_info = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
Binary = bytes


class Error(Exception):
    """Any failure of the database."""


class DatabaseError(Error):
    """Any failure of the database; SQLAlchemy tells the two apart."""


class IntegrityError(DatabaseError):
    """A constraint was not kept."""


class OperationalError(DatabaseError):
    """The file is locked, full, missing, or cannot be read."""


class ProgrammingError(DatabaseError):
    """The SQL is wrong."""


class InterfaceError(Error):
    """The driver was misused."""


class Cursor:
    """A cursor; knows its columns also when no row is found."""

    arraysize = 1

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._cursor.exec_trace = self._note_columns
        self.description: Sequence[tuple[Any, ...]] | None = None
        self.rowcount = -1
        self.lastrowid = 0

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""
        _translated(self._cursor.execute, sql, tuple(values))
        self.rowcount = self._connection.changes()
        self.lastrowid = self._connection.last_insert_rowid()
        return self

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> Cursor:
        """Run one statement with many rows of values."""
        before = self._connection.total_changes()
        _translated(self._cursor.executemany, sql, [tuple(row) for row in rows])
        self.rowcount = self._connection.total_changes() - before
        return self

    def fetchone(self) -> Any:
        """Give the next row, or ``None``."""
        return _translated(self._cursor.fetchone)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Give the next rows."""
        wanted = range(size or self.arraysize)
        return [row for _ in wanted if (row := self.fetchone()) is not None]

    def fetchall(self) -> list[Any]:
        """Give all rows that are left."""
        return list(_translated(self._cursor.fetchall))

    def close(self) -> None:
        """Close the cursor."""
        self._cursor.close(True)

    def _note_columns(self, cursor: apsw.Cursor, _sql: str, _values: object) -> bool:
        columns = cursor.get_description()
        self.description = [(name, *[None] * 6) for name, _ in columns] or None
        return True


class Connection:
    """A connection; transactions begin and end by statements."""

    isolation_level = None

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def cursor(self) -> Cursor:
        """Make a cursor."""
        return Cursor(self._connection)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement with a cursor of its own."""
        return self.cursor().execute(sql, values)

    def commit(self) -> None:
        """Commit, when a transaction is under way."""
        if self._connection.in_transaction:
            _translated(self._connection.execute, "COMMIT")

    def rollback(self) -> None:
        """Roll back, when a transaction is under way."""
        if self._connection.in_transaction:
            _translated(self._connection.execute, "ROLLBACK")

    def create_function(
        self, name: str, arguments: int, function: Callable[..., Any], **_: object
    ) -> None:
        """Make a function for SQL."""
        self._connection.create_scalar_function(name, function, arguments)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _translated(call: Callable[..., Any], *values: Any) -> Any:
    try:
        return call(*values)
    except apsw.ConstraintError as error:
        raise IntegrityError(str(error)) from error
    except apsw.SQLError as error:
        raise ProgrammingError(str(error)) from error
    except apsw.Error as error:
        raise OperationalError(str(error)) from error
