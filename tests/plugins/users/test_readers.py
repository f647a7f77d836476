"""Readers without the right to write: Postfix and Dovecot, at any moment of a writer's life."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path, PurePosixPath

import pytest

from mailstead.machine.rows import open_persistent
from mailstead_users.places import FOLDER
from tests.plugins.users.world import LOOKUP, PASSWORD, World, world

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
COUNT = "SELECT count(*) FROM users"
WRITER = """
import sys
from pathlib import Path
from sqlalchemy import text
from tests.plugins.users.world import PASSWORD, world
with world(Path(sys.argv[1])) as made:
    made.users.add_user("grace", PASSWORD)
    with made.directory.write() as connection:
        connection.execute(text("DELETE FROM users"))
        print("writing", flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def prefix() -> Iterator[Path]:
    """Give a folder that others may enter, with the folders of a directory in it."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        for path in (FOLDER, LOOKUP):
            folder = top / path.lstrip("/")
            folder.mkdir(parents=True)
            os.chown(folder, 0, NOBODY)
            folder.chmod(0o750)
        yield top


def read(prefix: Path, sql: str = COUNT) -> int:
    """Read as nobody, with SQLite's own tool and Debian's library."""
    program = ["sqlite3", "-readonly", str(prefix / FOLDER.lstrip("/") / "directory.db"), sql]
    return int(_as(NOBODY, NOBODY, program).stdout)


def test_reading_during_a_transaction_sees_the_last_commit(prefix: Path) -> None:
    """Without waiting."""
    with world(prefix) as made:
        made.users.add_user("ada", PASSWORD)
        with made.directory.write() as connection:
            connection.exec_driver_sql("DELETE FROM users")
            assert 1 == read(prefix)
        assert 0 == read(prefix)


def test_reading_after_the_last_close(prefix: Path) -> None:
    """The write-ahead log stays where it is."""
    with world(prefix) as made:
        made.users.add_user("ada", PASSWORD)
    assert made.database.with_name("directory.db-wal").exists()
    assert 1 == read(prefix)


def test_reading_before_anybody_opened_it(prefix: Path) -> None:
    """A file that was only made has no log yet, and needs none."""
    with world(prefix) as made:
        database = made.database
    for suffix in ("-wal", "-shm", ""):
        database.with_name(f"directory.db{suffix}").unlink()
    _make(made)
    assert 0 == read(prefix)


def test_reading_after_the_writer_was_killed(prefix: Path) -> None:
    """With -9, in the middle of a transaction; and a new writer finds all in order."""
    argv = [sys.executable, "-c", WRITER, str(prefix)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert b"writing\n" == writer.stdout.readline()
        assert 1 == read(prefix)
        writer.send_signal(signal.SIGKILL)
    assert 1 == read(prefix)
    with world(prefix) as made:
        assert "grace" == made.users.get_user("grace").name


def test_readers_never_fail_while_somebody_writes(prefix: Path) -> None:
    """However often: a lookup that fails ends a process of Postfix. They wait for nothing."""
    with world(prefix) as made:
        made.users.add_user("ada", PASSWORD)
    database = prefix / FOLDER.lstrip("/") / "directory.db"
    program = ["sqlite3", "-readonly", str(database)]
    questions = f"{COUNT};\n" * 20_000
    with (
        closing(open_persistent(PurePosixPath(database))) as connection,
        ThreadPoolExecutor() as pool,
    ):
        connection.execute("PRAGMA synchronous = OFF")
        readers = [pool.submit(_as, NOBODY, NOBODY, program, typed=questions) for _ in range(2)]
        writes = itertools.takewhile(
            lambda _: not all(map(Future.done, readers)), itertools.count(1)
        )
        for number in writes:
            connection.execute(f"PRAGMA user_version = {number}")
    for reader in readers:
        assert reader.result().stdout.split() == ["1"] * 20_000


def test_readers_cannot_write(prefix: Path) -> None:
    """They have the right to read and no other."""
    with world(prefix):
        database = prefix / FOLDER.lstrip("/") / "directory.db"
        done = _as(NOBODY, NOBODY, ["sqlite3", str(database), "DELETE FROM users"], check=False)
    assert done.returncode != 0
    assert "readonly" in done.stderr


def test_others_cannot_even_read(prefix: Path) -> None:
    """Postfix is not in the group, so it cannot read password hashes."""
    with world(prefix) as made:
        made.users.add_user("ada", PASSWORD)
        for suffix in ("", "-wal", "-shm"):
            path = f"{made.database}{suffix}"
            assert _as(12345, 12345, ["cat", path], check=False).returncode != 0


def test_a_reader_that_stays_sees_what_is_new(prefix: Path) -> None:
    """Daemons keep their connection open over the lives of many writers."""
    with world(prefix):
        pass
    database = prefix / FOLDER.lstrip("/") / "directory.db"
    script = (
        "import sqlite3, sys\n"
        f"c = sqlite3.connect('file:{database}?mode=ro', uri=True)\n"
        f"for _ in sys.stdin: print(c.execute('{COUNT}').fetchone()[0], flush=True)"
    )
    argv = [*_become(NOBODY, NOBODY), "/usr/bin/env", "python3", "-c", script]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        for number, name in enumerate(("ada", "bob", "carol")):
            reader.stdin.write("\n")
            reader.stdin.flush()
            assert f"{number}\n" == reader.stdout.readline()
            with world(prefix) as made:
                made.users.add_user(name, PASSWORD)
        reader.stdin.close()


def test_a_copy_of_database_and_log_has_everything(prefix: Path) -> None:
    """The log is not written back at close, which would lock readers out meanwhile."""
    with world(prefix) as made:
        made.users.add_user("ada", PASSWORD)
    copy = prefix / "copy.db"
    for suffix in ("", "-wal"):
        Path(f"{copy}{suffix}").write_bytes(Path(f"{made.database}{suffix}").read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        assert (1,) == connection.execute(COUNT).fetchone()


def _make(made: World) -> None:
    from mailstead.machine.real import RealMachine
    from mailstead_users.opening import prepare_directory

    prepare_directory(made.context, RealMachine())


def _become(uid: int, gid: int) -> list[str]:
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]


def _as(
    uid: int, gid: int, argv: list[str], *, check: bool = True, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_become(uid, gid), *argv],
        capture_output=True, text=True, check=check, timeout=60, input=typed,
    )  # fmt: skip
