"""The directory: files, rights, versions, transactions over several files, use of indexes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from mailstead.machine.fake import FakeMachine
from mailstead.machine.real import RealMachine
from mailstead.plugin import MachineError
from mailstead_users.directory import Directory
from mailstead_users.opening import open_directory, prepare_directory
from mailstead_users.queries import Page, page_of, select_users
from mailstead_users.schemas import USERS, image
from mailstead_users.tables import groups, logins, memberships, users
from tests.plugins.users.world import LOOKUP, MAIL, NOTES, PASSWORD, World, make_context, world

MANY = 20_000


def test_the_package_is_light() -> None:
    """Importing it brings neither SQL nor hashing."""
    code = "import sys, mailstead_users; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert set() == {"sqlalchemy", "apsw", "argon2", "sqlite3"} & set(loaded)


def test_files_are_private_and_of_their_folders_group(tmp_path: Path) -> None:
    """The group may read, and write the locks alone; nobody else may do anything."""
    lookup = tmp_path / LOOKUP.lstrip("/")
    lookup.mkdir(parents=True)
    group = 65534 if os.geteuid() == 0 else os.getegid()
    os.chown(lookup, -1, group)
    with world(tmp_path) as made:
        made.users.add_user("ada", PASSWORD)
    for name, folder in (("mail.db", lookup), ("directory.db", made.database.parent)):
        found = {path.name: path.stat() for path in folder.iterdir()}
        assert {item: state.st_mode & 0o777 for item, state in found.items()} == {
            name: 0o640, f"{name}-wal": 0o640, f"{name}-shm": 0o660
        }  # fmt: skip
        assert name == "directory.db" or {group} == {state.st_gid for state in found.values()}


def test_preparing_again_keeps_what_is_there(made: World) -> None:
    """It may be repeated at every save."""
    made.users.add_user("ada", PASSWORD)
    prepare_directory(made.context, RealMachine())
    assert "ada" == made.users.get_user("ada").name


def test_preparing_needs_only_the_machine(tmp_path: Path) -> None:
    """So it can be counted and faked like everything else."""
    machine = FakeMachine()
    context = make_context(tmp_path, {})
    folder = context.path(USERS.path).parent
    machine.add_directory(folder, mode=0o750)
    prepare_directory(context, machine)
    state = machine.stat_file(context.path(USERS.path))
    assert state is not None
    assert 0o640 == state.mode
    assert [] == list(tmp_path.iterdir())


def test_a_new_file_is_the_same_each_time() -> None:
    """And it is a database."""
    assert image(MAIL) == image(MAIL)
    assert image(USERS).startswith(b"SQLite format 3\x00")


def test_a_missing_schema_is_an_error_and_not_made(made: World) -> None:
    """The error names the file."""
    lost = attrs.evolve(MAIL, path=f"{LOOKUP}/lost.db")
    with pytest.raises(MachineError, match=r"lost\.db"):
        Directory.open(made.context.instance, [lost])
    assert not Path(made.context.path(lost.path)).exists()


def test_a_newer_version_is_refused(made: World) -> None:
    """Of any of the files."""
    with made.directory.write() as connection:
        connection.execute(text("UPDATE mail.schema_version SET version = 2"))
    with pytest.raises(MachineError, match="newer Mailstead"):
        open_directory(made.context)


def test_another_database_is_refused(tmp_path: Path, made: World) -> None:
    """A file without our tables is not taken for a directory."""
    other = tmp_path / "other.db"
    subprocess.run(["sqlite3", other, "CREATE TABLE x (y)"], check=True)
    with pytest.raises(MachineError, match="not a directory of Mailstead"):
        Directory.open(made.context.instance, [attrs.evolve(MAIL, path="/other.db")])


def test_an_error_undoes_all_files(made: World) -> None:
    """One transaction spans them."""

    def fail() -> None:
        with made.directory.write() as connection:
            connection.execute(insert(groups).values(name="staff"))
            connection.execute(insert(NOTES), [{"text": "x"}, {"text": "x"}])

    with pytest.raises(IntegrityError):
        fail()
    with made.directory.read() as connection:
        assert [] == connection.execute(select(groups)).all()
        assert [] == connection.execute(select(NOTES)).all()


def test_a_second_writer_waits_and_is_told(made: World) -> None:
    """Another process's lock becomes an error a person can act on."""
    with open_directory(made.context) as other, made.directory.write():
        with other.read() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 1")
        with pytest.raises(MachineError, match="locked"), other.write():
            pass


def test_references_are_kept(made: World) -> None:
    """Foreign keys are on."""
    with pytest.raises(IntegrityError), made.directory.write() as connection:
        connection.execute(insert(memberships).values(group_id=1, user_id=1))


def test_every_lookup_uses_an_index_among_many(made: World) -> None:
    """What is asked is found, not searched for; pages too need no sorting."""
    with made.directory.write() as connection:
        connection.execute(insert(users), [
            {"uuid": f"{n:032}", "name": f"user{n}", "password": "x"} for n in range(MANY)
        ])  # fmt: skip
        connection.execute(text("ANALYZE"))
        for asked in (
            select_users().where(users.c.name == "user77"),
            page_of(select_users(), users, Page(after="user5"), ()),
            page_of(select_users(), users, Page(prefix="user19"), ()),
            select(memberships).where(memberships.c.user_id == 1),
            select(memberships).where(memberships.c.group_id == 1),
            select(logins).where(logins.c.user_id == 1),
            select(logins).where(logins.c.login == "a@example.org"),
        ):
            sql = asked.compile(made.directory.engine, compile_kwargs={"literal_binds": True})
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all())
            assert "SCAN" not in plan, plan
            assert "TEMP B-TREE" not in plan, plan
    assert ("user19", "user190") == tuple(
        user.name for user in made.users.list_users(Page(prefix="user19", limit=2))
    )
