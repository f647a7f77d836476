"""External accounts in the directory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import attrs
import pytest
import sqlalchemy as sa

from mailstead.errors import AlreadyExists, InvalidInput, InvalidValue, NotFound
from mailstead.plugin import types
from mailstead_fetchmail import accounts, following
from mailstead_fetchmail.accounts import Choices, ExternalAccount
from mailstead_fetchmail.polls import Poll, begin_poll, end_poll, last_poll
from mailstead_fetchmail.sealing import unseal
from mailstead_fetchmail.tables import ACCOUNTS
from mailstead_users.hookspecs import UserChange
from mailstead_users.users import find_user
from tests.plugins.fetchmail.conftest import KEY

WORK = Choices(login="ada@work", server="imap.work.example", protocol="imaps")
SECRET = types.Secret("s3cret")


def add(connection: sa.Connection, owner: str = "ada", **values: Any) -> ExternalAccount:
    """Add an account that differs from the usual one."""
    choices = attrs.evolve(WORK, **values)
    return accounts.add_account(connection, KEY, owner, SECRET, choices, 1000.0)


def rows(connection: sa.Connection) -> list[Any]:
    """Give all that is stored."""
    return [tuple(row) for row in connection.execute(sa.select(ACCOUNTS))]


def test_what_is_not_given_has_its_default(connection: sa.Connection) -> None:
    """The protocol's port; mail is taken away when it was fetched, over verified TLS."""
    made = add(connection)
    expected = ExternalAccount(
        1, "ada", 1, "ada@work", "imap.work.example", "imaps", 993,
        keep=False, fetch_read=False, verify_tls=True, changed=1000.0,
    )  # fmt: skip
    assert expected == made == accounts.get_account(connection, 1)
    assert accounts.accounts_of(connection, "ada") == (made,)
    assert accounts.accounts_of(connection, "bob") == ()


def test_the_password_is_stored_encrypted_and_shown_nowhere(connection: sa.Connection) -> None:
    """Only the key opens it."""
    made = add(connection)
    assert "s3cret" not in repr(rows(connection))
    assert "s3cret" not in repr(made)
    assert unseal(KEY, accounts.sealed_password(connection, made.id)) == SECRET


def test_a_change_keeps_what_is_not_given(connection: sa.Connection) -> None:
    """With another protocol comes its port, unless one is given."""
    add(connection)
    changed = accounts.change_account(connection, 1, Choices(protocol="pop3s", keep=True), 2000.0)
    assert (changed.protocol, changed.port, changed.keep, changed.changed) == (
        "pop3s", 995, True, 2000.0
    )  # fmt: skip
    changed = accounts.change_account(connection, 1, Choices(port=1995), 2001.0)
    assert (changed.protocol, changed.port, changed.login) == ("pop3s", 1995, "ada@work")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"server": "imap work.example"}, "server"),
        ({"server": 'h" and wants mda "/bin/sh'}, "server"),
        ({"server": "imap.work.example\nset logfile x"}, "server"),
        ({"server": "-oops.example"}, "server"),
        ({"server": ""}, "server"),
        ({"server": "::1%lo", "verify_tls": False}, "server"),
        ({"server": "192.0.2.999", "verify_tls": False}, "server"),
        ({"server": "192.0.2.7"}, "server"),
        ({"protocol": "imap4"}, "protocol"),
        ({"protocol": "etrn"}, "protocol"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": -1}, "port"),
        ({"login": ""}, "login"),
        ({"login": " ada"}, "login"),
        ({"login": "ada "}, "login"),
        ({"login": 'u\nmda "id"'}, "login"),
        ({"login": "a\0b"}, "login"),
        ({"login": "é" * 65}, "login"),
        ({"login": "x" * 129}, "login"),
        ({"keep": True, "fetch_read": True}, "fetch_read"),
    ],
)
def test_what_is_wrong_is_refused_with_its_field(
    connection: sa.Connection, values: dict[str, Any], field: str
) -> None:
    """When it is added as when it is changed, and nothing is stored."""
    for name in ("login", "server", "protocol"):
        without: Any = {name: None}
        with pytest.raises(InvalidValue) as missing:
            add(connection, **without)
        assert f"external.{name}" == missing.value.where
    with pytest.raises(InvalidValue) as refused:
        add(connection, **values)
    assert f"external.{field}" == refused.value.where
    assert [] == rows(connection)
    add(connection)
    before = rows(connection)
    with pytest.raises(InvalidValue) as refused:
        accounts.change_account(connection, 1, Choices(**values), 5.0)
    assert (f"external.{field}", before) == (refused.value.where, rows(connection))


@pytest.mark.parametrize("password", ["", "a\nb", "a\0b", "a\rb", "x" * 256, "é" * 128])
def test_a_password_that_cannot_be_sent_is_refused_without_a_quote(
    connection: sa.Connection, password: str
) -> None:
    """By the field's name."""
    with pytest.raises(InvalidValue) as refused:
        accounts.add_account(connection, KEY, "ada", types.Secret(password), WORK, 0.0)
    assert "external.password" == refused.value.where
    assert not password or password not in str(refused.value)
    assert "1024" not in str(refused.value)
    add(connection)
    with pytest.raises(InvalidValue, match=r"external\.password"):
        accounts.set_password(connection, KEY, 1, types.Secret(password), 0.0)


def test_the_same_account_twice_is_refused(connection: sa.Connection) -> None:
    """By whichever protocol, and in whichever case the server's name is written."""
    add(connection)
    with pytest.raises(AlreadyExists, match=r"external\.login.*external set 1"):
        add(connection, server="IMAP.Work.example", protocol="pop3")
    second = add(connection, login="other")
    with pytest.raises(AlreadyExists, match=r"external\.login"):
        accounts.change_account(connection, second.id, Choices(login="ada@work"), 0.0)
    add(connection, "bob")


def test_an_unknown_owner_is_refused(connection: sa.Connection) -> None:
    """And nothing is stored."""
    with pytest.raises(NotFound, match="there is no user 'eve'"):
        add(connection, "eve")
    assert [] == rows(connection)


def test_a_user_has_no_more_than_so_many(connection: sa.Connection) -> None:
    """Or one could keep others from being polled."""
    for number in range(accounts.MOST):
        add(connection, login=f"ada{number}")
    with pytest.raises(InvalidInput, match=r"external\.owner: ada has 20"):
        add(connection)
    add(connection, "bob")


def test_another_owners_account_is_not_found(connection: sa.Connection) -> None:
    """By none of the functions that are told who asks."""
    add(connection)
    asked: tuple[Callable[[], object], ...] = (
        lambda: accounts.get_account(connection, 1, owner="bob"),
        lambda: accounts.change_account(connection, 1, Choices(keep=True), 0.0, owner="bob"),
        lambda: accounts.set_password(connection, KEY, 1, SECRET, 0.0, owner="bob"),
        lambda: accounts.remove_account(connection, 1, owner="bob"),
    )
    for ask in asked:
        with pytest.raises(NotFound, match="no external account 1"):
            ask()
    assert accounts.remove_account(connection, 1, owner="ada").id == 1


def test_accounts_go_with_their_owner_and_numbers_never_come_back(
    connection: sa.Connection,
) -> None:
    """With what is known of their polls; others stay."""
    add(connection)
    add(connection, "bob")
    begin_poll(connection, 1, 1.0)
    end_poll(connection, Poll(1, 1.0), is_finished=True)
    change = UserChange(
        cast("Any", None), connection, cast("Any", None), find_user(connection, "ada")
    )
    assert following.warn(change) == ["mail is fetched from ada@work at imap.work.example"]
    following.follow_deleting(change)
    assert [item.id for item in accounts.list_accounts(connection)] == [2]
    assert last_poll(connection, 1) is None
    accounts.remove_account(connection, 2)
    assert add(connection).id == 3


@pytest.mark.parametrize("server", ["localhost:993", "[::1]:993", "[192.0.2.7]", "192.0.2.7:993"])
def test_a_server_with_a_port_is_told_where_that_belongs(
    connection: sa.Connection, server: str
) -> None:
    """It is no address."""
    with pytest.raises(InvalidValue, match=r"external\.server: .* --port"):
        add(connection, server=server)


@pytest.mark.parametrize("server", ["http://localhost", "imaps://imap.work.example:993", "a/b"])
def test_a_url_is_no_server(connection: sa.Connection, server: str) -> None:
    """But a place there."""
    with pytest.raises(InvalidValue, match=r"external\.server: .* but of a place there.*a host"):
        add(connection, server=server)


def test_what_is_no_protocol_is_quoted(connection: sa.Connection) -> None:
    """With those there are."""
    with pytest.raises(InvalidValue, match=r"'imap4' is not a protocol.*imaps, pop3"):
        add(connection, protocol="imap4")
