"""Mail accounts in a real directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailstead.errors import AlreadyExists, InvalidValue, NotFound
from mailstead_mail_smtp.addresses import following
from mailstead_mail_smtp.addresses.accounts import (
    MailAccount,
    account_of,
    count_accounts,
    create_account,
    delete_account,
    list_accounts,
    suspend,
)  # fmt: skip
from mailstead_mail_smtp.addresses.tables import ACCOUNTS
from mailstead_mail_smtp.cli.account import state_words
from mailstead_users.directory import Directory
from mailstead_users.hookspecs import UserChange
from mailstead_users.tables import logins, users
from mailstead_users.users import find_user
from tests.plugins.contexts import Bench, bench


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Bench]:
    """Give settings to edit."""
    (tmp_path / "settings").mkdir()
    with bench(tmp_path / "settings") as found:
        yield found


def change(directory: Directory, connection: sa.Connection, made: Bench) -> UserChange:
    """Make what a hook is told of ada."""
    return UserChange(directory, connection, made.context(), find_user(connection, "ada"))


def test_an_account_is_a_recipient_and_a_login(connection: sa.Connection) -> None:
    """In one transaction; in lower case."""
    made = create_account(connection, "ada", "Ada@Example.COM")
    assert made == MailAccount("ada@example.com", "ada", 1, made.home)
    row = connection.execute(sa.select(ACCOUNTS)).one()
    assert (row.address, row.local, row.domain) == ("ada@example.com", "ada", "example.com")
    assert row.maildir == f"{made.home}/Maildir/"
    login = connection.execute(sa.select(logins)).one()
    assert tuple(login) == ("ada@example.com", 1, made.home, True, None)


def test_what_an_account_can_do_is_said_in_words(connection: sa.Connection) -> None:
    """Also of one whose user is disabled: it gets mail, and nobody logs in."""
    create_account(connection, "ada", "ada@example.com")

    def words() -> str:
        (found,) = list_accounts(connection)
        return state_words(found)

    assert words() == "active"
    connection.execute(users.update().values(enabled=False))
    assert words() == "its user is disabled, receives mail"
    suspend(connection, "ada@example.com", refuse_mail=False)
    assert words() == "suspended, receives mail"
    suspend(connection, "ada@example.com", refuse_mail=True)
    assert words() == "suspended, refuses mail"


def test_an_address_made_again_has_another_folder(connection: sa.Connection) -> None:
    """It never inherits old mail."""
    first = create_account(connection, "ada", "ada@example.com")
    assert delete_account(connection, "ADA@example.com") == first
    assert connection.execute(sa.select(logins)).all() == []
    assert create_account(connection, "bob", "ada@example.com").home != first.home


def test_refusals_name_what_is_in_the_way(connection: sa.Connection) -> None:
    """And what to do."""
    create_account(connection, "ada", "ada@example.com")
    with pytest.raises(AlreadyExists, match="ada@example"):
        create_account(connection, "bob", "ada@example.com")
    with pytest.raises(AlreadyExists, match="has the mail account"):
        create_account(connection, "ada", "ada@example.org")
    with pytest.raises(NotFound, match="not a managed domain, or not saved yet"):
        create_account(connection, "bob", "bob@elsewhere.example")
    with pytest.raises(NotFound, match="eve"):
        create_account(connection, "eve", "eve@example.com")
    with pytest.raises(NotFound, match="no such mail account"):
        delete_account(connection, "eve@example.com")


@pytest.mark.parametrize(
    "address",
    ["ada", "@example.com", "a/b@example.com", "../x@example.com", "a..b@example.com",
     "a+b@example.com", "-a@example.com", "a@b@example.com", "a b@example.com", "a\n@example.com",
     "'a@example.com", "a.@example.com", "ä@example.com", "%@example.com"],
)  # fmt: skip
def test_addresses_that_cannot_be_a_folder(connection: sa.Connection, address: str) -> None:
    """A local part is a folder's name, a line of a log, a word of a configuration."""
    with pytest.raises(InvalidValue):
        create_account(connection, "ada", address)


def test_listing_goes_page_by_page(connection: sa.Connection) -> None:
    """By address, after the last one seen."""
    create_account(connection, "bob", "bob@example.com")
    create_account(connection, "ada", "ada@example.org")
    (first,) = list_accounts(connection, limit=1)
    (second,) = list_accounts(connection, after=first.address, limit=1)
    assert (first.address, second.address) == ("ada@example.org", "bob@example.com")
    assert [item.user for item in list_accounts(connection, domain="example.com")] == ["bob"]
    assert count_accounts(connection, "example.org") == 1


def test_a_new_user_gets_an_account_in_the_only_domain(
    directory: Directory, connection: sa.Connection, made: Bench
) -> None:
    """Or in the chosen one; or none when the template says so."""
    made.add("mail_smtp.domains", name="example.com")
    found = change(directory, connection, made)
    assert following.follow_created(found) == "mail account ada@example.com created"
    assert following.warn(found) == ["has the mail account ada@example.com"]
    made.add("mail_smtp.domains", name="example.org")
    assert following.default_domain(made.context()) is None
    made.set("mail_smtp.user_template", default_domain="example.org")
    assert following.default_domain(made.context()) == "example.org"
    made.set("mail_smtp.user_template", mail_account=False)
    assert following.default_domain(made.context()) is None


def test_a_new_user_whose_domain_nobody_can_know_gets_none_and_it_is_told(
    directory: Directory, connection: sa.Connection, made: Bench
) -> None:
    """With the setting and the command; nothing is said where the template wants no account."""

    def told() -> str | None:
        return following.follow_created(change(directory, connection, made))

    assert "no mail domain yet" in (told() or "")
    for name in ("example.com", "example.org"):
        made.add("mail_smtp.domains", name=name)
    for part in ("mailstead account add ada ADDRESS", "mail_smtp.user_template.default_domain"):
        assert part in (told() or "")
    assert list_accounts(connection) == []
    made.set("mail_smtp.user_template", mail_account=False)
    assert told() is None


def test_a_user_who_goes_takes_the_account_along(
    directory: Directory, connection: sa.Connection, made: Bench
) -> None:
    """The mail stays, and the message says where."""
    create_account(connection, "ada", "ada@example.com")
    found = change(directory, connection, made)
    words = following.follow_deleted(found)
    assert words is not None
    assert words.startswith("mail account ada@example.com removed; its mail stays in /srv/box")
    assert following.warn(found) == []
    assert following.follow_deleted(found) is None
    assert account_of(connection, found.user.id) is None
