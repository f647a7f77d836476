"""Published rows in real databases, read by those who may not write."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing

import attrs
import pytest

from mailstead.errors import MachineError
from mailstead.machine import rows
from mailstead.machine.fake import FakeMachine
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path, RowChange

TABLE = "CREATE TABLE box (name TEXT, domain TEXT, quota INT, PRIMARY KEY (name, domain))"
KEY: dict[str, rows.Value] = {"name": "joe", "domain": "a.example"}
OLD: dict[str, rows.Value] = {**KEY, "quota": 1}
NEW: dict[str, rows.Value] = {**KEY, "quota": 2}
READ = """
import sqlite3, sys
print(sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
      .execute("SELECT quota FROM box").fetchall())
"""

# Adds rows, each of some KB with its index, and writes no file beyond a limit in bytes.
WRITE = """
import resource, signal, sys
from mailstead.machine.rows import apply_rows
from mailstead.machine.values import Path, RowChange
path, (first, count, limit) = Path(sys.argv[1]), map(int, sys.argv[2:])
rows = [RowChange("box", {"name": "x" * 1000, "domain": str(at)}, None, {"quota": at})
        for at in range(first, first + count)]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
apply_rows(path, rows)
"""


@pytest.fixture
def database(root: Path) -> Path:
    """Give an empty database, also to other users."""
    path = root / "published.db"
    with closing(rows.open_persistent(path, create=True)) as connection:
        connection.execute(TABLE)
    pathlib.Path(path).chmod(0o644)
    for name in ("-wal", "-shm"):
        pathlib.Path(f"{path}{name}").chmod(0o644)
    return path


def content(path: Path) -> list[tuple[object, ...]]:
    """Read all rows."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT name, domain, quota FROM box").fetchall()


def test_a_change_can_be_repeated_and_undone(real: RealMachine, database: Path) -> None:
    """Undoing is applying it with old and new exchanged."""
    change = RowChange("box", KEY, OLD, NEW)
    undo = attrs.evolve(change, old=NEW, new=OLD)
    for step, quota in ((change, 2), (change, 2), (undo, 1), (undo, 1)):
        real.apply_rows(database, [step])
        assert [("joe", "a.example", quota)] == content(database)


def test_a_row_comes_and_goes(real: RealMachine, database: Path) -> None:
    """No row before is undone to no row."""
    change = RowChange("box", KEY, None, NEW)
    undo = attrs.evolve(change, old=NEW, new=None)
    for step, count in ((change, 1), (undo, 0), (undo, 0)):
        real.apply_rows(database, [step])
        assert count == len(content(database))


def test_the_fake_agrees(fake: FakeMachine) -> None:
    """It keeps the same rows."""
    fake.add_file("/db", b"")
    change = RowChange("box", KEY, None, NEW)
    fake.apply_rows(Path("/db"), [change])
    assert list(fake.rows[Path("/db")]["box"].values()) == [NEW]
    fake.apply_rows(Path("/db"), [attrs.evolve(change, old=NEW, new=None)])
    assert fake.rows[Path("/db")]["box"] == {}


def test_all_changes_or_none(real: RealMachine, database: Path) -> None:
    """A change that fails takes the others back."""
    good = RowChange("box", KEY, None, NEW)
    bad = RowChange("missing", KEY, None, NEW)
    with pytest.raises(MachineError, match="no such table"):
        real.apply_rows(database, [good, bad])
    assert content(database) == []


@pytest.mark.parametrize(
    "change",
    [
        RowChange('box"; DROP TABLE box; --', KEY, None, NEW),
        RowChange("main.box", KEY, None, NEW),
        RowChange("box", {"Name": "joe"}, None, NEW),
        RowChange("box", KEY, None, {**NEW, "a b": 1}),
        RowChange("box", {}, None, NEW),
        RowChange("box", {"name": None}, None, {"name": None}),
        RowChange("box", KEY, None, {**NEW, "name": "ann"}),
    ],
)
def test_what_is_no_name_or_key_is_refused(
    real: RealMachine, database: Path, change: RowChange
) -> None:
    """Nothing of it becomes SQL."""
    with pytest.raises(MachineError):
        real.apply_rows(database, [change])
    assert content(database) == []


def test_values_are_bound(real: RealMachine, database: Path) -> None:
    """A quote in a value is a quote."""
    key: dict[str, rows.Value] = {"name": "o'); DROP TABLE box; --", "domain": "\u00e4"}
    real.apply_rows(database, [RowChange("box", key, None, {**key, "quota": None})])
    assert [(key["name"], "\u00e4", None)] == content(database)


def test_a_file_that_is_no_database_is_refused(real: RealMachine, root: Path) -> None:
    """The message names it."""
    pathlib.Path(root / "text").write_text("no database, but long enough to look at " * 20)
    with pytest.raises(MachineError, match=r"text: .*not a database"):
        real.apply_rows(root / "text", [])
    pathlib.Path(root / "link").symlink_to("text")
    with pytest.raises(MachineError, match="link: is a link"):
        real.apply_rows(root / "link", [])


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_commit_empties_the_log(real: RealMachine, database: Path) -> None:
    """Who opens the database first reads the log, and lets nobody in meanwhile."""
    real.apply_rows(database, [RowChange("box", KEY, None, OLD)])
    assert pathlib.Path(f"{database}-wal").stat().st_size == 0
    assert content(database) == [("joe", "a.example", 1)]


def test_a_commit_stands_whose_log_cannot_be_emptied(real: RealMachine, database: Path) -> None:
    """Of a database that cannot grow, while its log can; a later commit empties it."""
    fill(database, 0, 35, 10_000_000)
    assert 200_000 < pathlib.Path(database).stat().st_size < 250_000
    fill(database, 35, 15, 250_000)
    assert pathlib.Path(f"{database}-wal").stat().st_size > 0
    assert [row[2] for row in content(database)] == list(range(50))
    real.apply_rows(database, [RowChange("box", KEY, None, NEW)])
    assert pathlib.Path(f"{database}-wal").stat().st_size == 0
    assert len(content(database)) == 51


def test_who_closes_last_locks_nobody_out(database: Path) -> None:
    """What a commit had to leave in the log stays there: to copy it takes the whole database."""
    with closing(rows.open_persistent(database)) as connection:
        connection.set_wal_hook(None)
        connection.execute("INSERT INTO box VALUES ('joe', 'a.example', 1)")
    assert pathlib.Path(f"{database}-wal").stat().st_size > 0
    assert content(database) == [("joe", "a.example", 1)]


def test_an_unprivileged_reader_reads_while_and_after(
    real: RealMachine, database: Path, tmp_path: pathlib.Path
) -> None:
    """With the writer open, in a transaction, and gone, also after 20 saves."""
    for folder in (tmp_path, *tmp_path.parents):
        if pathlib.Path(tempfile.gettempdir()) in folder.parents:
            folder.chmod(0o755)
    real.apply_rows(database, [RowChange("box", KEY, None, OLD)])
    assert read_as_nobody(database) == "[(1,)]"
    with closing(rows.open_persistent(database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE box SET quota = 9")
        assert read_as_nobody(database) == "[(1,)]"
        connection.execute("COMMIT")
        assert read_as_nobody(database) == "[(9,)]"
    for _ in range(20):
        real.apply_rows(database, [RowChange("box", KEY, OLD, NEW)])
    assert read_as_nobody(database) == "[(2,)]"
    assert {"published.db", "published.db-wal", "published.db-shm"} == set(
        real.list_directory(database.parent)
    )


def fill(path: Path, first: int, count: int, limit: int) -> None:
    """Write so many rows, and no file beyond the limit in bytes."""
    argv = [sys.executable, "-c", WRITE, str(path), *map(str, (first, count, limit))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-300:]


def read_as_nobody(path: Path) -> str:
    """Read the quota as a user who can write nothing."""
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    python = "/usr/bin/python3" if pathlib.Path("/usr/bin/python3").exists() else sys.executable
    run = [*argv, python, "-I", "-c", READ, str(path)]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd="/")
    return done.stdout.strip() or done.stderr
