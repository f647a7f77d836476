"""Whole databases: copied while they are in use, looked at, and replaced by an image.

An image is a copy in one file. It is put into the database that is there, not in its place:
the file, its rights and its readers stay, and a reader sees the old rows or the new, never both
(https://www.sqlite.org/backup.html, https://www.sqlite.org/lang_vacuum.html#vacuuminto).

An image may come from a stranger: it is looked at without trusting what its schema says
(https://www.sqlite.org/security.html), and must have the very tables of the database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mailstead.errors import MachineError
from mailstead.machine.folders import parent_of, refusals, require_trusted, sync_folder
from mailstead.machine.rows import (
    BUSY_MILLISECONDS,
    database_errors,
    open_persistent,
    require_database,
    require_identifier,
)
from mailstead.machine.streams import temporary_in
from mailstead.machine.values import DatabaseState, Path

if TYPE_CHECKING:
    import apsw

_SCHEMA = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1, 2"


def copy_databases(copies: Mapping[Path, Path]) -> None:
    """Copy databases as they are at one moment."""
    with ExitStack() as stack:
        for database in copies:
            stack.enter_context(_unwritten(database))
        for database, copy in copies.items():
            _copy(database, copy)


def inspect_database(database: Path, tables: Sequence[str]) -> DatabaseState:
    """Count rows and name the schema of a database or an image that is whole."""
    with _looking_at(database) as connection:
        rows = {name: _count(connection, name) for name in tables}
        return DatabaseState(rows, _schema_of(connection))


def restore_database(database: Path, image: Path) -> None:
    """Put an image into the database that is there."""
    with (
        _looking_at(image) as source,
        closing(open_persistent(database)) as target,
        database_errors(database),
    ):
        _refuse_another_kind(source, target, image)
        with target.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(-1)


@contextmanager
def _unwritten(database: Path) -> Iterator[None]:
    """Keep everybody from writing; readers go on, and those who write wait."""
    with closing(open_persistent(database)) as connection, database_errors(database):
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def _copy(database: Path, copy: Path) -> None:
    with refusals(copy), parent_of(copy) as (folder, name):
        require_trusted(folder, copy)
        with temporary_in(folder, name) as (file, temporary):
            with closing(open_persistent(database)) as connection, database_errors(database):
                connection.execute("VACUUM INTO ?", (str(copy.parent / temporary),))
            os.fsync(file)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        sync_folder(folder)


@contextmanager
def _looking_at(path: Path) -> Iterator[apsw.Connection]:
    """Open a database for reading, and refuse one that is not whole."""
    import apsw

    require_database(path)
    with database_errors(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        with closing(connection):
            connection.set_busy_timeout(BUSY_MILLISECONDS)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            _refuse_damaged(connection, path)
            yield connection


def _refuse_damaged(connection: apsw.Connection, path: Path) -> None:
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchall()
        _schema_of(connection)
    except UnicodeDecodeError as error:
        raise MachineError(f"the database is damaged: {error}", where=str(path)) from error
    if found != [("ok",)]:
        raise MachineError(f"the database is damaged: {found[0][0]}", where=str(path))


def _refuse_another_kind(source: apsw.Connection, target: apsw.Connection, image: Path) -> None:
    if _schema_of(source) != _schema_of(target):
        hint = "restore it with the version of Mailstead that made it, then upgrade"
        raise MachineError("its tables are not those of the database", where=str(image), hint=hint)
    sizes = [item.execute("PRAGMA page_size").fetchall() for item in (source, target)]
    if sizes[0] != sizes[1]:
        raise MachineError("its page size is not that of the database", where=str(image))


def _schema_of(connection: apsw.Connection) -> str:
    found = connection.execute(_SCHEMA).fetchall()
    return sha256(repr(found).encode()).hexdigest()


def _count(connection: apsw.Connection, table: str) -> int:
    require_identifier(table)
    sql = f'SELECT count(*) FROM "{table}"'  # noqa: S608 -- the name was checked
    found: Any = connection.execute(sql).fetchall()
    return int(found[0][0])
