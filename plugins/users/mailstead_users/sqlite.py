"""SQLAlchemy over apsw, so that the WAL files stay when the last connection closes.

Unprivileged readers need them (docs/adr/0003). Python's own ``sqlite3`` cannot ask for that,
and a second connection by apsw beside it would not help: two copies of the SQLite library in
one process undo each other's locks (https://www.sqlite.org/howtocorrupt.html, section 2.2.1).

BUGS: files commit one by one, so a power failure can leave a change in one of them alone
(docs/adr/0003). A result is read as a whole: ask for pages.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import apsw
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from mailstead.machine.rows import database_errors, open_persistent, prepare
from mailstead.plugin import Path

# What PEP 249 asks a driver for.
apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"
sqlite_version_info = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
IMMEDIATE = "mailstead_immediate"


class Error(Exception):
    """Any failure of the database."""


class InterfaceError(Error):
    """The driver was used in a wrong way."""


class DatabaseError(Error):
    """The database refused something."""


class IntegrityError(DatabaseError):
    """A constraint was violated."""


class OperationalError(DatabaseError):
    """The database is locked, full or cannot be read."""


class ProgrammingError(DatabaseError):
    """The SQL is wrong."""


_KINDS: tuple[tuple[type[apsw.Error], type[Error]], ...] = (
    (apsw.ConstraintError, IntegrityError),
    (apsw.SQLError, ProgrammingError),
    (apsw.Error, OperationalError),
)


class Cursor:
    """A cursor that has read all rows once a statement is executed."""

    arraysize = 1

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self.description: Sequence[tuple[Any, ...]] | None = None
        self.rowcount = -1
        self.lastrowid = 0

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Execute one statement."""
        with _translated():
            cursor = self._connection.cursor()
            # A statement without rows is over before its columns could be asked for.
            cursor.exec_trace = self._note_columns
            self._rows = iter(list(cursor.execute(sql, tuple(values))))
        self.rowcount = self._connection.changes()
        self.lastrowid = self._connection.last_insert_rowid()

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute one statement for each row of values."""
        with _translated():
            self._connection.executemany(sql, [tuple(row) for row in rows])
        self.description = None
        self.rowcount = -1

    def fetchone(self) -> tuple[Any, ...] | None:
        """Give the next row."""
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Give the next rows."""
        return [row for row, _ in zip(self._rows, range(size or 1), strict=False)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Give the rest of the rows."""
        return list(self._rows)

    def close(self) -> None:
        """Forget the rows."""
        self._rows = iter(())

    def _note_columns(self, cursor: apsw.Cursor, _sql: str, _values: object) -> bool:
        columns = cursor.get_description()
        self.description = [(name, *[None] * 6) for name, *_ in columns] or None
        return True


class DriverConnection:
    """A connection as PEP 249 has it; transactions are begun by `make_engine`."""

    isolation_level: str | None = None

    def __init__(self, connection: apsw.Connection) -> None:
        self.raw = connection

    def cursor(self) -> Cursor:
        """Give a cursor."""
        return Cursor(self.raw)

    def commit(self) -> None:
        """Commit, if a transaction is open."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Undo, if a transaction is open."""
        self._end("ROLLBACK")

    def close(self) -> None:
        """Close."""
        with _translated():
            self.raw.close()

    def create_function(
        self, name: str, count: int, function: Callable[..., Any], **options: Any
    ) -> None:
        """Add an SQL function; SQLAlchemy does."""
        self.raw.create_scalar_function(name, function, count, **options)

    def _end(self, word: str) -> None:
        with _translated():
            if self.raw.in_transaction:
                self.raw.execute(word)


def open_files(files: Mapping[str, Path]) -> Engine:
    """Open existing files as SQL schemas of one connection; the first is ``main``.

    Raises MachineError on first use when one is missing or no database.
    """
    return _make_engine(lambda: _connect(files))


def make_image(name: str, fill: Callable[[Connection], None]) -> bytes:
    """Give the content of a file for an SQL schema that ``fill`` has filled."""
    raw = apsw.Connection(":memory:")
    if name != "main":
        raw.execute(f"ATTACH DATABASE ':memory:' AS \"{name}\"")
    engine = _make_engine(lambda: raw)
    try:
        with engine.begin() as connection:
            fill(connection)
        return raw.serialize(name)
    finally:
        engine.dispose()


def options_for(*, write: bool) -> Mapping[str, bool]:
    """Give the execution options of a transaction that writes, or only reads."""
    return {IMMEDIATE: write}


def _make_engine(connect: Callable[[], apsw.Connection]) -> Engine:
    engine = create_engine(
        "sqlite://",
        module=sys.modules[__name__],
        creator=lambda: DriverConnection(connect()),
        poolclass=StaticPool,
    )
    event.listen(engine, "begin", _begin)
    return engine


def _connect(files: Mapping[str, Path]) -> apsw.Connection:
    (_, main), *others = files.items()
    connection = open_persistent(main)
    try:
        for name, path in others:
            with database_errors(path):
                # Without the right to create: a missing file is an error, not an empty schema.
                connection.execute(f'ATTACH DATABASE ? AS "{name}"', (str(path),))
                prepare(connection, path, name)
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get(IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        kind = next(ours for theirs, ours in _KINDS if isinstance(error, theirs))
        raise kind(str(error)) from error
