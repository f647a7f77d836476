"""The formats of the store: an older one is brought up to date and keeps what it holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mailstead.settings.store import Store
from mailstead.settings.store_schema import FORMATS


def tables(path: Path) -> list[tuple[str, str]]:
    """Give all tables and indexes, as they were declared."""
    connection = sqlite3.connect(path)
    try:
        select = "SELECT name, sql FROM sqlite_master ORDER BY name"
        return [(name, sql) for name, sql in connection.execute(select) if sql]
    finally:
        connection.close()


@pytest.mark.parametrize("version", range(1, len(FORMATS)))
def test_an_older_store_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    """It has what a new one has, and its revisions and files are there."""
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    for statements in FORMATS[:version]:
        for statement in statements:
            connection.execute(statement)
    connection.execute("INSERT INTO revisions VALUES (1, 'root', 1.0, 'ssh', 'first', 'plan')")
    connection.execute(f"PRAGMA user_version={version}")
    connection.commit()
    connection.close()
    path.chmod(0o600)
    with Store.open(path) as store:
        assert "first" == store.revisions()[0].comment
    Store.open(tmp_path / "new.db", create=True).close()
    assert tables(tmp_path / "new.db") == tables(path)
