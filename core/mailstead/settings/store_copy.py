"""Copies of the store that leave the machine, and copies that come from elsewhere.

A copy lies in a folder that only root can enter. One that comes back may have been made by
anybody: its schema is not trusted, and it is read only when it is whole and has tables alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import PurePath
from urllib.parse import quote

from mailstead.errors import MachineError
from mailstead.settings.store import Store

IsSecret = Callable[[str, str], bool]
Place = tuple[str, str, str]
_FOREIGN = """SELECT name FROM sqlite_master WHERE type NOT IN ('table', 'index')
    OR sql LIKE 'CREATE VIRTUAL%' LIMIT 1"""


def forget_secrets(path: PurePath, is_secret: IsSecret) -> tuple[Place, ...]:
    """Remove secret values from a copy, also from its history; gives where running had any.

    Args:
        path: the copy.
        is_secret: tells of a section and a field.
    """
    with _opened(path, "rw") as connection:
        found: list[Place] = []
        for section, field in _fields(connection):
            if is_secret(section, field):
                found += _forget(connection, section, field)
        connection.execute("VACUUM")  # nothing of them stays in free pages
        return tuple(sorted(found))


def refuse_damaged(path: PurePath) -> None:
    """Raise MachineError unless a copy is a whole database of tables alone."""
    with _opened(path, "ro") as connection:
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON"):
            connection.execute(f"PRAGMA {pragma}")
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != ("ok",):
            raise MachineError(f"the settings are damaged: {found[0]}", where=str(path))
        foreign = connection.execute(_FOREIGN).fetchone()
        if foreign:
            raise MachineError(f"the settings hold {foreign[0]!r}, no table", where=str(path))


@contextmanager
def opened_copy(path: PurePath) -> Iterator[Store]:
    """Open a copy that may come from anybody. Raises MailsteadError for whatever is wrong."""
    refuse_damaged(path)
    try:
        with Store.open(path) as store:
            yield store
    except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
        raise MachineError(f"the settings are damaged: {error}", where=str(path)) from error


def _fields(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    union = " UNION ".join(
        f"SELECT section, field FROM {table}"  # noqa: S608 - our own tables
        for table in ("running", "draft", "changes")
    )
    return connection.execute(union).fetchall()


def _forget(connection: sqlite3.Connection, section: str, field: str) -> list[Place]:
    where, values = "WHERE section = ? AND field = ?", (section, field)
    select = f"SELECT section, key, field FROM running {where}"  # noqa: S608 - see above
    found: list[Place] = connection.execute(select, values).fetchall()
    for table in ("running", "draft"):
        connection.execute(f"DELETE FROM {table} {where}", values)  # noqa: S608 - see above
    connection.execute(f"UPDATE changes SET old = NULL, new = NULL {where}", values)  # noqa: S608
    return found


@contextmanager
def _opened(path: PurePath, mode: str) -> Iterator[sqlite3.Connection]:
    try:
        address = f"file:{quote(str(path))}?mode={mode}"
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            yield connection
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise MachineError(f"the settings cannot be read: {error}", where=str(path)) from error
