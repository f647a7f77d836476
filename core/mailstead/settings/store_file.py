"""The store's file: created private, opened durable, its tables made once.

Together with `mailstead.settings.store` this is the one exception to the rule that only
``machine/`` touches files: SQLite does its own writing, locking and syncing.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import PurePath
from urllib.parse import quote

from mailstead.errors import InstanceError, StoreDamaged
from mailstead.settings.store_schema import FORMATS

VERSION = len(FORMATS)
PRIVATE = 0o600
BUSY_SECONDS = 5.0


def open_database(path: PurePath | str, *, create: bool) -> sqlite3.Connection:
    """Open the store's file, making it (0600 from the first byte) when asked to."""
    name = os.fspath(path)
    _look_at(name, create=create)
    address = f"file:{quote(name)}?mode=rw"
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
        _prepare(connection, name)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise InstanceError(f"cannot open the settings: {error}", where=name) from error
        if is_damage(error):
            raise damaged(name, error) from error
        raise
    return connection


def is_damage(error: BaseException) -> bool:
    """Tell whether SQLite found a page, or the whole file, that makes no sense."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def damaged(name: str, error: BaseException) -> StoreDamaged:
    """Give the error for a file whose pages make no sense."""
    hint = (
        "the daemons go on with what they have; "
        "restore a backup, or run `mailstead recover --rebuild`"
    )
    return StoreDamaged(f"the settings are damaged: {error}", where=name, hint=hint)


def _look_at(name: str, *, create: bool) -> None:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    try:
        handle = os.open(name, flags, PRIVATE)
    except FileNotFoundError:
        raise InstanceError("there are no settings here", where=name) from None
    except OSError as error:
        raise InstanceError(f"cannot open the settings: {error.strerror}", where=name) from error
    try:
        _verify_private(os.fstat(handle), name)
    finally:
        os.close(handle)


def _verify_private(state: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise InstanceError("is not a regular file", where=name)
    if state.st_mode & 0o077:
        raise InstanceError("others may read the settings", where=name, hint=f"chmod 600 {name}")


def _prepare(connection: sqlite3.Connection, name: str) -> None:
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    version = _version(connection)
    if version > VERSION:
        problem = f"the settings were written by a newer Mailstead (format {version})"
        raise InstanceError(problem, where=name, hint="upgrade Mailstead, or restore a backup")
    connection.execute("PRAGMA journal_mode=WAL")
    if version < VERSION:
        _bring_up_to_date(connection, name)


def _bring_up_to_date(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while we waited for the lock.
        version = _version(connection)
        if version == 0:
            _verify_empty(connection, name)
        for statements in FORMATS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _verify_empty(connection: sqlite3.Connection, name: str) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise InstanceError("is a database of something else", where=name)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
