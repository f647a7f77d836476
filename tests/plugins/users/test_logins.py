"""Logins, and the two queries Dovecot asks."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from mailstead.plugin import AlreadyExists, InvalidValue, NotFound
from mailstead_users.logins import (
    Login,
    change_login,
    find_login,
    logins_of,
    register_login,
    remove_login,
)  # fmt: skip
from mailstead_users.lookups import passdb_query, userdb_query
from mailstead_users.users import User
from tests.plugins.users.world import PASSWORD, World

ADDRESS = "ada@example.org"
HOME = "example.org/ada-0"
FOLDER = "/var/vmail/example.org/ada-0"
PASSDB_QUERY = passdb_query("/var/vmail")
USERDB_QUERY = userdb_query("/var/vmail")


@pytest.fixture
def ada(made: World) -> User:
    """Add a user with a login."""
    user = made.users.add_user("ada", PASSWORD).user
    with made.directory.write() as connection:
        register_login(connection, "Ada@EXAMPLE.org", user.id, HOME)
    return user


def ask(made: World, query: str, login: str) -> list[tuple[str | None, ...]]:
    """Ask as Dovecot does, which doubles quotes in %u."""
    sql = query.replace("%u", login.replace("'", "''"))
    with closing(sqlite3.connect(f"file:{made.database}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def test_a_login_is_found_by_its_canonical_address(made: World, ada: User) -> None:
    """It is stored in one form."""
    with made.directory.read() as connection:
        assert Login(ADDRESS, ada.id, HOME) == find_login(connection, ADDRESS)
        assert (ADDRESS,) == tuple(item.login for item in logins_of(connection, ada.id))


@pytest.mark.usefixtures("ada")
def test_dovecot_finds_password_and_home(made: World) -> None:
    """One row each, and none for others."""
    ((login, stored, home, quota),) = ask(made, PASSDB_QUERY, ADDRESS)
    assert (ADDRESS, FOLDER, None) == (login, home, quota)
    assert made.users.passwords.verify(str(stored), PASSWORD)
    assert [(ADDRESS, FOLDER, None)] == ask(made, USERDB_QUERY, ADDRESS)
    for other in ("ada", "grace@example.org", "", "' OR 1=1 --", "%"):
        assert [] == ask(made, PASSDB_QUERY, other)
        assert [] == ask(made, USERDB_QUERY, other)


@pytest.mark.usefixtures("ada")
def test_a_disabled_user_receives_and_cannot_log_in(made: World) -> None:
    """The passdb has no row, the userdb has."""
    made.users.change_user("ada", enabled=False)
    assert [] == ask(made, PASSDB_QUERY, ADDRESS)
    assert [(ADDRESS, FOLDER, None)] == ask(made, USERDB_QUERY, ADDRESS)


@pytest.mark.usefixtures("ada")
def test_a_disabled_login_receives_and_cannot_log_in(made: World) -> None:
    """Though its user may have another."""
    with made.directory.write() as connection:
        change_login(connection, ADDRESS, enabled=False)
    assert [] == ask(made, PASSDB_QUERY, ADDRESS)
    assert [(ADDRESS, FOLDER, None)] == ask(made, USERDB_QUERY, ADDRESS)


@pytest.mark.usefixtures("ada")
def test_a_quota_of_its_own_is_a_rule_for_dovecot(made: World) -> None:
    """https://doc.dovecot.org/2.3/configuration_manual/quota/ - in bytes; 0 is no limit."""
    with made.directory.write() as connection:
        change_login(connection, ADDRESS, quota=5_000_000)
    ((*_, rule),) = ask(made, PASSDB_QUERY, ADDRESS)
    assert rule == "*:bytes=5000000"
    assert [(ADDRESS, FOLDER, rule)] == ask(made, USERDB_QUERY, ADDRESS)


@pytest.mark.parametrize("query", [PASSDB_QUERY, USERDB_QUERY])
def test_dovecots_queries_use_indexes(made: World, query: str) -> None:
    """Nothing is looked through, however many there are."""
    plan = ask(made, f"EXPLAIN QUERY PLAN {query}", ADDRESS)
    assert not [row for row in plan if "SCAN" in str(row)]


def test_wrong_logins_are_refused(made: World, ada: User) -> None:
    """Taken, no address, a home outside of the mail folder, not there."""
    with made.directory.write() as connection:
        with pytest.raises(AlreadyExists):
            register_login(connection, ADDRESS, ada.id, HOME)
        for login in ("ada", "a\n@example.org"):
            with pytest.raises(InvalidValue):
                register_login(connection, login, ada.id, HOME)
        for home in ("", "../x", "a/../b", "/etc", "a//b", "a\nb"):
            with pytest.raises(InvalidValue):
                register_login(connection, "bob@example.org", ada.id, home)
        remove_login(connection, ADDRESS)
        with pytest.raises(NotFound):
            remove_login(connection, ADDRESS)
