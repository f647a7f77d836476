"""Aliases: whom they reach, what they may be called, and that they follow groups."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from mailstead.errors import AlreadyExists, InvalidInput, InvalidValue, MailsteadError, NotFound
from mailstead_mail_smtp.addresses import following
from mailstead_mail_smtp.addresses.accounts import create_account, delete_account, get_account
from mailstead_mail_smtp.addresses.aliases import (
    Alias,
    alias_account,
    alias_external,
    alias_group,
    aliases_leading_to,
    count_aliases,
    delete_alias,
    get_alias,
    list_aliases,
    reached_by,
)
from mailstead_mail_smtp.addresses.grammar import parse_target, split_address
from mailstead_mail_smtp.addresses.tables import GROUP_ACCOUNTS
from mailstead_users.directory import Directory
from mailstead_users.groups import find_group
from mailstead_users.hookspecs import GroupChange
from mailstead_users.tables import memberships
from tests.plugins.contexts import bench

BAD_ADDRESSES = [
    "|cmd", ":include:/etc/passwd", "/etc/passwd", '"|cmd"@example.com', "a@b.c x@y.z", "@",
    "a@b@example.com", '"a b"@example.com', "a@example.com,", "a@example.com\nb@example.com",
    "a\0@example.com", "", "-a@example.com", "../a@example.com", "a+b@example.com",
    "|cmd@example.com", "a@", "a@example.com.", "a@.example.com", "a@[127.0.0.1]",
]  # fmt: skip
BAD_TARGETS = [
    "|/bin/sh", "/var/spool/x", ":include:/etc/shadow", '"|cmd"@elsewhere.example',
    "|cmd@elsewhere.example", "/x@elsewhere.example", "a%b@elsewhere.example",
    "a!b@elsewhere.example", "a@elsewhere.example, b@elsewhere.example", "a@elsewhere.example\n",
    "{{7*7}}@elsewhere.example", "${x}@elsewhere.example", "", "nobody",
]  # fmt: skip


def people(connection: sa.Connection) -> None:
    """Give ada and bob accounts."""
    create_account(connection, "ada", "ada@example.com")
    create_account(connection, "bob", "bob@example.com")


def test_external_aliases_are_found_by_where_they_lead(connection: sa.Connection) -> None:
    """By the whole domain, in which no sign stands for others."""
    for name, to in (("a", "x@elsewhere.example"), ("b", "x@not-elsewhere.example"),
                     ("c", "x@sub.elsewhere.example"), ("d", "y@Elsewhere.example")):  # fmt: skip
        alias_external(connection, f"{name}@example.org", to)
    found = aliases_leading_to(connection, "elsewhere.example", limit=10)
    assert [item.address for item in found] == ["a@example.org", "d@example.org"]
    assert len(aliases_leading_to(connection, "elsewhere.example", limit=1)) == 1
    assert aliases_leading_to(connection, "else_here.example", limit=10) == []


def test_an_alias_is_another_name_for_one_account(connection: sa.Connection) -> None:
    """In lower case, and counted with the account."""
    people(connection)
    made = alias_account(connection, "Info@EXAMPLE.com", "ADA@example.com")
    assert made == Alias("info@example.com", "account", "ada@example.com", 1)
    assert get_account(connection, "ada@example.com").aliases == 1
    assert reached_by(connection, made) == ["ada@example.com"]


def test_at_an_alias_of_a_domain_it_is_the_same_address(connection: sa.Connection) -> None:
    """Both ways: what is made or asked for at either is one."""
    people(connection)
    alias_account(connection, "info@example.net", "ada@example.net")
    assert get_alias(connection, "info@example.com") == get_alias(connection, "info@example.net")
    with pytest.raises(AlreadyExists):
        alias_account(connection, "info@example.com", "bob@example.com")


def test_a_name_is_given_once(connection: sa.Connection) -> None:
    """Neither kind takes the other's, nor a twin in case or by the domain's other name."""
    people(connection)
    alias_account(connection, "info@example.com", "ada@example.com")
    for taken in ("info@example.com", "INFO@example.com", "bob@example.com", "bob@example.net"):
        with pytest.raises(AlreadyExists, match=r"alias\.address"):
            alias_external(connection, taken, "x@elsewhere.example")
    delete_account(connection, "bob@example.com")
    with pytest.raises(AlreadyExists, match=r"account\.address"):
        create_account(connection, "bob", "info@example.net")


def test_twins_by_international_spelling_are_one(connection: sa.Connection) -> None:
    """RFC 5891: the domain is kept as A-labels."""
    people(connection)
    connection.execute(sa.text("INSERT INTO mail.domains (name) VALUES ('xn--bcher-kva.example')"))
    alias_account(connection, "info@BÜCHER.example", "ada@example.com")
    assert get_alias(connection, "info@xn--bcher-kva.example").address.startswith("info@xn--")
    with pytest.raises(AlreadyExists):
        alias_account(connection, "info@xn--bcher-kva.example", "bob@example.com")


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_what_is_no_address_of_ours_is_refused(connection: sa.Connection, address: str) -> None:
    """With the field's name, and nothing is written."""
    people(connection)
    with pytest.raises(InvalidInput, match=r"alias\.address"):
        alias_account(connection, address, "ada@example.com")
    with pytest.raises(InvalidInput, match=r"account\.address"):
        create_account(connection, "ada", address)
    assert list_aliases(connection) == []


@pytest.mark.parametrize("target", BAD_TARGETS)
def test_what_is_no_address_elsewhere_is_refused(connection: sa.Connection, target: str) -> None:
    """A program, a file, a list, a route, a template."""
    with pytest.raises(InvalidValue, match=r"alias\.external"):
        alias_external(connection, "out@example.com", target)
    with pytest.raises(InvalidInput, match=r"alias\.account"):
        alias_account(connection, "out@example.com", target)
    assert list_aliases(connection) == []


@pytest.mark.parametrize("target", ["ada@example.com", "x@EXAMPLE.org", "ada@example.net"])
def test_an_external_alias_leads_elsewhere(connection: sa.Connection, target: str) -> None:
    """A managed domain, or another name of one, is not elsewhere."""
    with pytest.raises(InvalidValue, match=r"alias\.external: example\.\w+ is a domain of this"):
        alias_external(connection, "out@example.com", target)


def test_an_external_alias_does_not_lead_to_the_server_itself(connection: sa.Connection) -> None:
    """There it would reach nobody, or the postmaster, who may be that alias."""
    own = ("mail.example.edu", "corp.example.edu")
    for target in ("x@mail.example.edu", "postmaster@Corp.Example.edu"):
        with pytest.raises(InvalidValue, match=r"alias\.external: .* is this server itself"):
            alias_external(connection, "out@example.com", target, own)


def test_aliases_cannot_run_in_circles(connection: sa.Connection) -> None:
    """An alias of an alias, of itself, or of what is none."""
    people(connection)
    alias_account(connection, "a@example.com", "ada@example.com")
    with pytest.raises(InvalidValue, match=r"is an alias itself, for ada@example\.com"):
        alias_account(connection, "b@example.com", "a@example.net")
    alias_external(connection, "away@example.com", "friend@elsewhere.example")
    with pytest.raises(InvalidValue, match=r"give --external friend@elsewhere\.example instead"):
        alias_account(connection, "b@example.com", "away@example.com")
    alias_group(connection, "all@example.com", "staff")
    with pytest.raises(InvalidValue, match="give --group staff instead"):
        alias_account(connection, "b@example.com", "all@example.com")
    with pytest.raises(InvalidInput, match=r"alias\.account"):
        alias_account(connection, "b@example.com", "b@example.com")
    with pytest.raises(AlreadyExists):
        alias_account(connection, "ada@example.com", "ada@example.com")


def test_a_foreign_domain_is_refused(connection: sa.Connection) -> None:
    """With what to do."""
    people(connection)
    with pytest.raises(NotFound, match=r"alias\.address: elsewhere\.example is not a managed"):
        alias_account(connection, "info@elsewhere.example", "ada@example.com")


def test_a_group_alias_reaches_the_members_who_have_accounts(connection: sa.Connection) -> None:
    """At least one must."""
    with pytest.raises(InvalidValue, match="no member of the group staff has a mail account"):
        alias_group(connection, "all@example.com", "staff")
    create_account(connection, "ada", "ada@example.com")
    assert alias_group(connection, "all@example.com", "staff").reaches == 1
    create_account(connection, "bob", "bob@example.org")
    found = get_alias(connection, "all@example.com")
    assert reached_by(connection, found) == ["ada@example.com", "bob@example.org"]
    delete_account(connection, "ada@example.com")
    delete_account(connection, "bob@example.org")
    assert get_alias(connection, "all@example.com").reaches == 0


def test_a_group_alias_follows_membership(
    directory: Directory, connection: sa.Connection, tmp_path: Path
) -> None:
    """Each change writes one row."""
    people(connection)
    alias_group(connection, "all@example.com", "staff")
    group = find_group(connection, "staff")
    (tmp_path / "settings").mkdir()
    with bench(tmp_path / "settings") as made:

        def tell(**details: str) -> str | None:
            change = GroupChange(directory, connection, made.context(), group, details)
            return following.follow_group(change)

        connection.execute(memberships.delete().where(memberships.c.user_id == 2))
        assert tell(removed="bob") == "all@example.com reaches 1 mail account now"
        connection.execute(memberships.insert().values(group_id=1, user_id=2))
        assert tell(added="bob") == "all@example.com reaches 2 mail accounts now"
        assert tell(removed="nobody any more") is not None
        change = GroupChange(directory, connection, made.context(), group)
        assert following.warn_of_group(change) == ["has the mail alias all@example.com"]
        assert following.follow_group_deleted(change) == "mail aliases removed: all@example.com"
    assert connection.execute(sa.select(GROUP_ACCOUNTS)).all() == []


def test_deleting_takes_back_what_was_made(connection: sa.Connection) -> None:
    """The copy of a group's accounts goes with its last alias; an account's with the account."""
    people(connection)
    for name in ("all", "everybody"):
        alias_group(connection, f"{name}@example.com", "staff")
    delete_alias(connection, "all@example.net")
    assert len(connection.execute(sa.select(GROUP_ACCOUNTS)).all()) == 2
    delete_alias(connection, "everybody@example.com")
    assert connection.execute(sa.select(GROUP_ACCOUNTS)).all() == []
    alias_account(connection, "info@example.com", "ada@example.com")
    delete_account(connection, "ada@example.com")
    assert list_aliases(connection) == []
    with pytest.raises(NotFound, match="no such alias"):
        delete_alias(connection, "info@example.com")


def test_an_alias_in_or_to_an_unmanaged_domain_reaches_nobody(connection: sa.Connection) -> None:
    """What Postfix would find."""
    people(connection)
    create_at_org = alias_account(connection, "info@example.org", "ada@example.com")
    assert create_at_org.reaches == 1
    connection.execute(sa.text("DELETE FROM mail.domains WHERE name = 'example.com'"))
    assert get_alias(connection, "info@example.org").reaches == 0
    connection.execute(sa.text("DELETE FROM mail.domains WHERE name = 'example.org'"))
    alias = list_aliases(connection)[0]
    assert (alias.address, alias.reaches) == ("info@example.org", 0)


def test_an_address_is_found_where_its_domain_became_another_name(
    connection: sa.Connection,
) -> None:
    """So that it can be deleted, and given to nobody else while its login works."""
    people(connection)
    alias_account(connection, "info@example.com", "ada@example.com")
    connection.execute(sa.text("DELETE FROM mail.domains WHERE name = 'example.com'"))
    change = "INSERT INTO mail.domain_aliases VALUES ('example.com', 'example.org')"
    connection.execute(sa.text(change))
    assert get_account(connection, "ada@example.com").address == "ada@example.com"
    assert delete_alias(connection, "info@example.com").address == "info@example.com"
    assert delete_account(connection, "ada@example.com").address == "ada@example.com"
    with pytest.raises(NotFound):
        get_account(connection, "ada@example.com")


def test_whom_a_group_alias_reaches_is_as_many_as_are_counted(connection: sa.Connection) -> None:
    """A member whose account is in a domain that is no longer managed gets nothing."""
    create_account(connection, "ada", "ada@example.com")
    create_account(connection, "bob", "bob@example.org")
    alias_group(connection, "all@example.com", "staff")
    connection.execute(sa.text("DELETE FROM mail.domains WHERE name = 'example.org'"))
    found = get_alias(connection, "all@example.com")
    assert (found.reaches, reached_by(connection, found)) == (1, ["ada@example.com"])


def test_pages_go_on_where_the_last_ended(connection: sa.Connection) -> None:
    """By key, restricted to a domain or to a text."""
    people(connection)
    for number in range(7):
        alias_account(connection, f"a{number}@example.com", "ada@example.com")
    alias_external(connection, "out@example.org", "ann@elsewhere.example")
    first = list_aliases(connection, limit=5)
    rest = list_aliases(connection, after=first[-1].address)
    assert [item.address for item in (*first, *rest)][-1] == "out@example.org"
    assert len(first) + len(rest) == 8
    assert [item.target for item in list_aliases(connection, search="elsewhere")] == [
        "ann@elsewhere.example"
    ]
    assert count_aliases(connection, "example.com") == 7
    assert len(list_aliases(connection, domain="example.org")) == 1


@pytest.mark.parametrize("text", ["%", "_", "\\", "1) UNION SELECT password FROM users --", "'"])
def test_a_search_is_a_text_and_nothing_more(connection: sa.Connection, text: str) -> None:
    """No pattern, no SQL."""
    people(connection)
    alias_account(connection, "info@example.com", "ada@example.com")
    assert list_aliases(connection, search=text) == []


@given(st.text(max_size=80))
def test_any_text_is_read_to_one_form_or_refused_with_the_field(text: str) -> None:
    """What is accepted is plain, and reading it again gives the same."""
    for read, where in ((split_address, "account.address"), (parse_target, "alias.external")):
        try:
            local, domain = read(text, where)
        except MailsteadError as error:
            assert error.where == where
        else:
            again = f"{local}@{domain}"
            assert read(again, where) == (local, domain)
            assert not set(again) & set("|/:\"'\\ \r\n\0,;<>()%!")
