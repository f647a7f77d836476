"""Published rows: SQLite databases that daemons read without the right to write.

In WAL mode readers never wait for a writer, but they need the ``-wal`` and ``-shm`` files,
which SQLite removes when the last connection closes. Here they are made to stay; see
SQLITE_FCNTL_PERSIST_WAL and https://www.sqlite.org/wal.html, section "Read-Only Databases".

The ``-shm`` file holds locks and an index of the log, no data. Who may not write it fails now and
then while somebody writes ("database is locked", "attempt to write a readonly database"), and
Postfix ends its process at that. So readers may write this file, and nothing else.

Postfix does not wait for a lock either, and ends its process. So nobody takes one on the whole
database: each commit copies what is in the log, beside the readers, and not who closes last.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from mailstead.errors import MachineError
from mailstead.machine.files import stat_file
from mailstead.machine.folders import parent_of, refusals
from mailstead.machine.values import Path, RowChange

if TYPE_CHECKING:
    import apsw

Value = str | int | None

BUSY_MILLISECONDS = 5000
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


def open_persistent(path: Path, *, create: bool = False) -> apsw.Connection:
    """Open a database whose WAL files stay when it is closed, for unprivileged readers.

    Args:
        path: the database; a link is refused.
        create: make an empty database when there is none.

    Raises:
        MachineError: it does not exist, or is no database.
    """
    import apsw

    require_database(path, create=create)
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    with database_errors(path):
        connection = apsw.Connection(str(path), flags=flags)
        try:
            connection.set_busy_timeout(BUSY_MILLISECONDS)
            connection.execute("PRAGMA foreign_keys = ON")
            prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says into a MachineError that names the database."""
    import apsw

    try:
        yield
    except apsw.BusyError as error:
        raise MachineError(
            "another process keeps the database locked", where=str(path), hint="try again"
        ) from error
    except apsw.Error as error:
        raise MachineError(str(error), where=str(path)) from error


def apply_rows(database: Path, changes: Sequence[RowChange]) -> None:
    """Apply row changes in one transaction."""
    statements = [statement(change) for change in changes]
    with closing(open_persistent(database)) as connection, database_errors(database):
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("PRAGMA defer_foreign_keys = ON")
            for sql, values in statements:
                connection.execute(sql, values)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def statement(change: RowChange) -> tuple[str, tuple[Value, ...]]:
    """Give the SQL of a change and the values bound to it. Raises MachineError."""
    check_change(change)
    if change.new is None:
        return _deletion(change)
    return _insertion(change.table, change.key, {**change.new, **change.key})


def check_change(change: RowChange) -> None:
    """Refuse what cannot be applied twice with the same result. Raises MachineError."""
    for name in (change.table, *change.key, *(change.new or {})):
        require_identifier(name)
    if not change.key or None in change.key.values():
        raise MachineError("a row needs a key without empty columns", where=change.table)
    for column, value in change.key.items():
        if change.new is not None and change.new.get(column, value) != value:
            raise MachineError(f"the row differs from its key in {column}", where=change.table)


def require_identifier(name: str) -> None:
    """Refuse what would have to be quoted in SQL. Raises MachineError."""
    if not _IDENTIFIER.fullmatch(name):
        raise MachineError(f"{name!r} is not a name for a table or column")


def require_database(path: Path, *, create: bool = False) -> None:
    """Refuse a link or a folder, and nothing at all unless it is made. Raises MachineError."""
    found = stat_file(path)
    if found is None and not create:
        raise MachineError("the database does not exist", where=str(path))
    if found is not None and found.kind != "file":
        raise MachineError(f"is a {found.kind}, not a database", where=str(path))


def _deletion(change: RowChange) -> tuple[str, tuple[Value, ...]]:
    where = " AND ".join(f'"{column}" = ?' for column in change.key)
    sql = f'DELETE FROM "{change.table}" WHERE {where}'  # noqa: S608 -- names were checked
    return sql, tuple(change.key.values())


def _insertion(
    table: str, key: Mapping[str, Value], row: Mapping[str, Value]
) -> tuple[str, tuple[Value, ...]]:
    columns, marks = _quoted(row), ", ".join("?" * len(row))
    updates = ", ".join(f'"{name}" = excluded."{name}"' for name in row if name not in key)
    action = f"DO UPDATE SET {updates}" if updates else "DO NOTHING"
    sql = (
        f'INSERT INTO "{table}" ({columns}) VALUES ({marks}) '  # noqa: S608 -- names were checked
        f"ON CONFLICT ({_quoted(key)}) {action}"
    )
    return sql, tuple(row.values())


def _quoted(names: Mapping[str, Value]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def prepare(connection: apsw.Connection, path: Path, schema: str = "main") -> None:
    """Make an open database, or an attached one, readable for who may not write it.

    Raises apsw.Error, MachineError.
    """
    import apsw

    _keep_wal_files(connection, schema)
    # The last to close would copy the log into the database, and let nobody in meanwhile.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.set_wal_hook(_empty_log)
    connection.execute(f'PRAGMA "{schema}".journal_mode = WAL')
    connection.execute(f'PRAGMA "{schema}".synchronous = FULL')
    connection.execute(f'SELECT count(*) FROM "{schema}".sqlite_schema').fetchall()  # noqa: S608 -- a schema of ours; makes missing WAL files
    _let_readers_lock(path)


def _empty_log(connection: apsw.Connection, schema: str, _pages: int) -> int:
    """Empty the log after a commit; a later one does, where somebody is reading it.

    Who opens the database first reads the log, and lets nobody in meanwhile.
    """
    import apsw

    connection.set_busy_timeout(0)
    # The commit is on the disk by now: on a full disk, or whatever ails it, nothing of it is lost
    # in the log. SQLite's own checkpoint after a commit keeps its errors to itself as well.
    with suppress(apsw.Error):
        connection.wal_checkpoint(schema, apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    return apsw.SQLITE_OK


def _keep_wal_files(connection: apsw.Connection, schema: str) -> None:
    import ctypes

    import apsw

    on = ctypes.c_int(1)
    connection.file_control(schema, apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(on))


def _let_readers_lock(path: Path) -> None:
    # By name: to open the file and close it again would drop SQLite's own locks; fcntl(2).
    with refusals(path), parent_of(path) as (folder, name):
        shared = f"{name}-shm"
        mode = stat.S_IMODE(os.stat(name, dir_fd=folder).st_mode)
        wanted = mode | (mode & 0o444) >> 1
        if stat.S_IMODE(os.stat(shared, dir_fd=folder, follow_symlinks=False).st_mode) != wanted:
            os.chmod(shared, wanted, dir_fd=folder)
