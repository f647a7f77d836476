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

from mailstead.errors import InstanceError

VERSION = 1
PRIVATE = 0o600
BUSY_SECONDS = 5.0
TABLES = (
    """CREATE TABLE running (section TEXT NOT NULL, key TEXT NOT NULL, field TEXT NOT NULL,
    value TEXT NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY (section, key, field)) WITHOUT ROWID""",
    """CREATE TABLE draft (section TEXT NOT NULL, key TEXT NOT NULL, field TEXT NOT NULL,
    value TEXT, who TEXT NOT NULL, at REAL NOT NULL, origin TEXT NOT NULL,
    PRIMARY KEY (section, key, field)) WITHOUT ROWID""",
    """CREATE TABLE revisions (number INTEGER NOT NULL PRIMARY KEY, who TEXT NOT NULL,
    at REAL NOT NULL, origin TEXT NOT NULL, comment TEXT NOT NULL, plan TEXT NOT NULL)
    WITHOUT ROWID""",
    """CREATE TABLE changes (revision INTEGER NOT NULL REFERENCES revisions (number),
    section TEXT NOT NULL, key TEXT NOT NULL, field TEXT NOT NULL, old TEXT, new TEXT,
    who TEXT NOT NULL, at REAL NOT NULL, origin TEXT NOT NULL,
    PRIMARY KEY (revision, section, key, field)) WITHOUT ROWID""",
    """CREATE TABLE owned_files (path TEXT NOT NULL PRIMARY KEY, module TEXT NOT NULL,
    sha256 TEXT NOT NULL, mode INTEGER NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE consents (module TEXT NOT NULL, path TEXT NOT NULL, who TEXT NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (module, path)) WITHOUT ROWID""",
)


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
        if isinstance(error, sqlite3.Error):
            raise InstanceError(f"cannot open the settings: {error}", where=name) from error
        raise
    return connection


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
    if version == 0:
        _make_tables(connection, name)


def _make_tables(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have made them while we waited for the lock.
        if _version(connection) == 0:
            _verify_empty(connection, name)
            for statement in TABLES:
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
