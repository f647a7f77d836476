"""Save what can still be read of a damaged store into a new one; the damaged one is kept aside.

SQLite reads a table page by page: what stands before a damaged page is read forwards, what
stands behind it backwards. See https://www.sqlite.org/recovery.html.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import PurePath
from urllib.parse import quote

import attrs

from mailstead.errors import StoreDamaged
from mailstead.settings.store_file import damaged, open_database

PARTS = ("", "-wal", "-shm")


@attrs.frozen
class Rescued:
    """What was saved: rows by table, the tables that lost some, and where the old file lies."""

    rows: dict[str, int]
    incomplete: tuple[str, ...]
    aside: str


def rescue(path: PurePath | str) -> Rescued:
    """Replace a damaged store by one with all that could be read.

    Raises StoreDamaged when nothing can be read at all; the file is left alone then.
    """
    name = os.fspath(path)
    made = f"{name}.rescued"
    _remove(made)
    old = sqlite3.connect(f"file:{quote(name)}?mode=ro", uri=True, isolation_level=None)
    try:
        with closing(old), closing(open_database(made, create=True)) as new:
            rows, incomplete = _copy(old, new)
    except sqlite3.DatabaseError as error:
        _remove(made)
        raise damaged(name, error) from error
    if not any(rows.values()):
        _remove(made)
        problem = "nothing of the settings can be read"
        raise StoreDamaged(problem, where=name, hint="restore a backup")
    aside = _put_aside(name)
    os.replace(made, name)  # noqa: PTH105 - durable by the folder's sync below
    _sync_folder(name)
    return Rescued(rows, incomplete, aside)


def _copy(
    old: sqlite3.Connection, new: sqlite3.Connection
) -> tuple[dict[str, int], tuple[str, ...]]:
    select = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    tables = [row[0] for row in new.execute(select)]
    new.execute("PRAGMA foreign_keys = OFF")
    new.execute("BEGIN IMMEDIATE")
    rows, incomplete = {}, []
    for table in tables:
        if not _copy_table(old, new, table):
            incomplete.append(table)
        rows[table] = int(new.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
    new.execute("COMMIT")
    new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return rows, tuple(incomplete)


def _copy_table(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> bool:
    """Copy what can be read; tells whether that was all."""
    keys = [row[1] for row in new.execute(f"PRAGMA table_info({table})") if row[5]]
    marks = ", ".join("?" * len(new.execute(f"PRAGMA table_info({table})").fetchall()))
    insert = f"INSERT OR IGNORE INTO {table} VALUES ({marks})"  # noqa: S608 - our own names
    for direction in ("ASC", "DESC"):
        order = ", ".join(f"{key} {direction}" for key in keys)
        select = f"SELECT * FROM {table} ORDER BY {order}"  # noqa: S608 - our own names
        if _copy_rows(_rows(old, select), new, insert):
            return True
    return False


def _copy_rows(rows: Iterator[tuple[object, ...]], new: sqlite3.Connection, insert: str) -> bool:
    try:
        for row in rows:
            new.execute(insert, row)
    except sqlite3.DatabaseError:
        return False
    return True


def _rows(old: sqlite3.Connection, select: str) -> Iterator[tuple[object, ...]]:
    yield from old.execute(select)


def _put_aside(name: str) -> str:
    number = 1
    while os.path.lexists(f"{name}.damaged-{number}"):
        number += 1
    aside = f"{name}.damaged-{number}"
    for part in PARTS:
        with suppress(FileNotFoundError):
            os.rename(name + part, aside + part)  # noqa: PTH104 - as above
    return aside


def _remove(name: str) -> None:
    for part in PARTS:
        with suppress(FileNotFoundError):
            os.unlink(name + part)  # noqa: PTH108 - as above


def _sync_folder(name: str) -> None:
    folder = os.open(os.path.dirname(name) or ".", os.O_RDONLY | os.O_DIRECTORY)  # noqa: PTH120
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
