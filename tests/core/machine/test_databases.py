"""Whole databases: copied in use, looked at, restored under readers."""

from __future__ import annotations

import pathlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from hypothesis import HealthCheck, given, settings

from mailstead.errors import MachineError
from mailstead.machine import rows
from mailstead.machine.fake import FakeMachine
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path, RowChange
from tests.core.damage import DAMAGE, Damage

TABLE = "CREATE TABLE box (name TEXT PRIMARY KEY, note TEXT)"
TRIGGER = "; CREATE TRIGGER evil AFTER INSERT ON box BEGIN DELETE FROM box; END"
VIEW = "; CREATE VIEW view AS SELECT 1"
WRITE = """
import apsw, sys
connection = apsw.Connection(sys.argv[1])
connection.execute("INSERT INTO box VALUES ('other', '')")
"""


def make(path: Path, *names: str, table: str = TABLE) -> Path:
    """Make a database with rows."""
    with closing(rows.open_persistent(path, create=True)) as connection:
        connection.execute(table)
        for name in names:
            connection.execute("INSERT INTO box (name, note) VALUES (?, ?)", (name, f"of {name}"))
    return path


def names(path: Path) -> list[str]:
    """Give the rows by name, read by another copy of SQLite."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM box ORDER BY name")]


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Have a change under way that is not committed."""
    with closing(rows.open_persistent(path)) as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO box VALUES ('halfway', '')")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def test_a_copy_holds_what_is_committed(real: RealMachine, root: Path) -> None:
    """It is private, one file, and has nothing of what was deleted."""
    database = make(root / "a.db", "ada", "grace")
    with closing(rows.open_persistent(database)) as connection:
        connection.execute("DELETE FROM box WHERE name = 'grace'")
    real.copy_databases({database: root / "copy"})
    found = real.stat_file(root / "copy")
    assert found is not None
    assert found.mode == 0o600
    assert names(root / "copy") == ["ada"]
    assert b"grace" not in real.read_file(root / "copy")
    assert real.list_directory(root) == ("a.db", "a.db-shm", "a.db-wal", "copy")


def test_databases_are_copied_at_one_moment(
    real: RealMachine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first is copied nobody can write to the second."""
    first, second = make(root / "a.db", "ada"), make(root / "b.db", "ada")
    monkeypatch.setattr(rows, "BUSY_MILLISECONDS", 0)
    refused: list[str] = []
    copy = rows.open_persistent

    def look(path: Path, *, create: bool = False) -> object:
        if (root / "copied-a").name in real.list_directory(root) and not refused:
            done = subprocess.run(
                [sys.executable, "-c", WRITE, str(second)], capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            refused.append(done.stderr)
        return copy(path, create=create)

    monkeypatch.setattr("mailstead.machine.databases.open_persistent", look)
    real.copy_databases({first: root / "copied-a", second: root / "copied-b"})
    assert "BusyError" in refused[0]
    assert names(second) == names(root / "copied-b") == ["ada"]


def test_a_database_that_is_written_is_not_copied(
    real: RealMachine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the wait that is an error, and no copy is there."""
    database = make(root / "a.db", "ada")
    monkeypatch.setattr(rows, "BUSY_MILLISECONDS", 0)
    with writing(database), pytest.raises(MachineError, match="another process"):
        real.copy_databases({database: root / "copy"})
    assert "copy" not in real.list_directory(root)


def test_restoring_keeps_file_and_readers(real: RealMachine, root: Path) -> None:
    """A reader in the middle of reading sees the old rows to its end, then the new."""
    database, other = make(root / "a.db", "ada"), make(root / "b.db", "grace", "joan")
    real.copy_databases({other: root / "image"})
    before = pathlib.Path(database).stat().st_ino
    with closing(rows.open_persistent(database)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT name FROM box").fetchall() == [("ada",)]
        for _ in range(2):
            real.restore_database(database, root / "image")
        assert reader.execute("SELECT name FROM box").fetchall() == [("ada",)]
        reader.execute("COMMIT")
        assert len(reader.execute("SELECT name FROM box").fetchall()) == 2
    assert names(database) == ["grace", "joan"]
    assert pathlib.Path(database).stat().st_ino == before
    assert {"a.db-wal", "a.db-shm"} < set(real.list_directory(root))
    with closing(rows.open_persistent(database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_rows_are_counted_in_a_database_and_in_an_image(real: RealMachine, root: Path) -> None:
    """Looking changes neither, and both have one schema."""
    database = make(root / "a.db", "ada", "grace")
    real.copy_databases({database: root / "image"})
    before = real.read_file(root / "image")
    found = [real.inspect_database(path, ["box"]) for path in (database, root / "image")]
    assert found[0] == found[1]
    assert found[0].rows == {"box": 2}
    assert real.read_file(root / "image") == before
    with pytest.raises(MachineError, match="no such table"):
        real.inspect_database(database, ["boxes"])
    with pytest.raises(MachineError, match="not a name"):
        real.inspect_database(database, ['box"; DROP TABLE box; --'])


@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE box (name TEXT PRIMARY KEY, note TEXT, more TEXT)",
        TABLE + TRIGGER,
        TABLE + VIEW,
    ],
)
def test_an_image_with_other_tables_is_refused(real: RealMachine, root: Path, table: str) -> None:
    """No trigger or view is smuggled in, and nothing is changed."""
    database, other = make(root / "a.db", "ada"), make(root / "b.db", "eve", table=table)
    real.copy_databases({other: root / "image"})
    with pytest.raises(MachineError, match="not those of the database"):
        real.restore_database(database, root / "image")
    assert names(database) == ["ada"]


def test_an_image_with_another_page_size_is_refused(real: RealMachine, root: Path) -> None:
    """A database in WAL mode cannot take it, and says so before anything is done."""
    database = make(root / "a.db", "ada")
    with closing(sqlite3.connect(root / "image")) as connection:
        connection.execute("PRAGMA page_size = 1024")
        connection.execute(TABLE)
    with pytest.raises(MachineError, match="page size"):
        real.restore_database(database, root / "image")
    assert names(database) == ["ada"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(damage=DAMAGE)
def test_a_damaged_image_is_refused_or_harmless(tmp_path: pathlib.Path, damage: Damage) -> None:
    """Whatever byte is flipped, the only error is ours, and a refused image changes nothing."""
    real, root = RealMachine(), Path(tmp_path)
    if not real.stat_file(root / "image"):
        real.copy_databases({make(root / "b.db", *map(str, range(200))): root / "image"})
        make(root / "a.db", "ada")
    bad = pathlib.Path(root / "bad")
    bad.write_bytes(damage.done_to(real.read_file(root / "image")))
    before = names(root / "a.db")
    try:
        real.restore_database(root / "a.db", root / "bad")
    except MachineError:
        assert names(root / "a.db") == before
    else:
        assert real.inspect_database(root / "a.db", ["box"]).rows["box"] >= 0
        real.restore_database(root / "a.db", root / "image")


def test_the_fake_agrees(fake: FakeMachine) -> None:
    """It copies, counts and restores its rows."""
    fake.add_file("/db", b"")
    database, image = Path("/db"), Path("/image")
    change = RowChange("box", {"name": "ada"}, None, {"name": "ada", "note": None})
    fake.apply_rows(database, [change])
    fake.copy_databases({database: image})
    fake.apply_rows(database, [RowChange("box", {"name": "eve"}, None, {"name": "eve"})])
    assert fake.inspect_database(database, ["box"]).rows == {"box": 2}
    assert fake.inspect_database(image, ["box"]).rows == {"box": 1}
    fake.restore_database(database, image)
    assert list(fake.rows[database]["box"].values()) == [{"name": "ada", "note": None}]
