"""Whom the settings name by an address, and what is said when that is nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailstead_mail_smtp.addresses import following
from mailstead_mail_smtp.addresses.accounts import create_account, suspend
from mailstead_mail_smtp.addresses.aliases import alias_account, alias_external, alias_group
from mailstead_mail_smtp.addresses.tables import DOMAINS
from mailstead_mail_smtp.addresses.targets import (
    no_catch_all,
    no_default_mailbox,
    uses_of_account,
)
from mailstead_users.directory import Directory
from mailstead_users.hookspecs import UserChange
from mailstead_users.users import find_user
from tests.plugins.contexts import Bench, bench

ADA, INFO = "ada@example.com", "info@example.org"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Bench]:
    """Give the domains of the directory, as settings."""
    (tmp_path / "settings").mkdir()
    with bench(tmp_path / "settings") as found:
        for name in ("example.com", "example.org"):
            found.add("mail_smtp.domains", name=name)
        found.add("mail_smtp.domain_aliases", name="example.net", domain="example.com")
        yield found


def use(made: Bench, connection: sa.Connection, domain: str, **fields: str) -> None:
    """Add a domain, and publish it as a save does."""
    made.add("mail_smtp.domains", name=domain, **fields)
    connection.execute(DOMAINS.insert().values(name=domain, **fields))


def test_what_an_account_is_used_for_is_told_before_its_user_goes(
    directory: Directory, connection: sa.Connection, made: Bench
) -> None:
    """By each of its names, those of its aliases among them."""
    create_account(connection, "ada", ADA)
    alias_account(connection, INFO, ADA)
    use(made, connection, "one.example", default_mailbox=ADA, catch_all="info+c@example.org")
    use(made, connection, "two.example", default_mailbox=ADA, catch_all="ada@example.net")
    use(made, connection, "three.example", catch_all="ada@elsewhere.example")
    made.set("mail_smtp.options", postmaster="Info@example.org")
    change = UserChange(directory, connection, made.context(), find_user(connection, "ada"))
    assert following.warn(change) == [
        f"has the mail account {ADA}; its aliases are {INFO}",
        f"{ADA} is the default mailbox of one.example, two.example",
        "ada@example.net is the catch-all of two.example",
        "info+c@example.org is the catch-all of one.example",
        f"{INFO} is the postmaster: mail_smtp.options.postmaster",
    ]


def test_what_others_are_used_for_is_not(connection: sa.Connection, made: Bench) -> None:
    """An account that nothing names has no uses, and of many domains ten are named."""
    create_account(connection, "ada", ADA)
    create_account(connection, "bob", "bob@example.com")
    for number in range(12):
        use(made, connection, f"d{number:02}.example", catch_all=ADA)
    assert uses_of_account(connection, made.context().settings, "bob@example.com") == []
    (words,) = uses_of_account(connection, made.context().settings, ADA)
    assert words.endswith("d09.example and 2 more")


def test_a_default_mailbox_is_an_account(connection: sa.Connection) -> None:
    """Of an alias it is said that it is one, and what to give instead."""
    assert "no mail account ada@example.com yet" in no_default_mailbox(None, ADA)
    create_account(connection, "ada", ADA)
    assert no_default_mailbox(connection, ADA) == ""
    alias_account(connection, INFO, ADA)
    alias_group(connection, "all@example.org", "staff")
    assert no_default_mailbox(connection, INFO).startswith(f"{INFO} is an alias, for {ADA}, and no")
    assert no_default_mailbox(connection, INFO).endswith(f"give {ADA} instead")
    assert no_default_mailbox(connection, "all@example.org").endswith("give a mail account")
    suspend(connection, ADA, refuse_mail=True)
    assert f"account resume {ADA}" in no_default_mailbox(connection, ADA)
    assert "no mail account bob@" in no_default_mailbox(connection, "bob@example.com")


@pytest.mark.parametrize(
    "address",
    ["friend@elsewhere.example", "ada@example.net", "ada+copies@example.com", INFO,
     "out@example.org", "postmaster@example.org", "chief@example.org", "anybody@three.example"],
)  # fmt: skip
def test_a_catch_all_that_somebody_gets_is_not_told_of(
    connection: sa.Connection, made: Bench, address: str
) -> None:
    """An account, an alias, an address elsewhere, a role, or one of a default mailbox."""
    create_account(connection, "ada", ADA)
    alias_account(connection, INFO, ADA)
    alias_external(connection, "out@example.org", "friend@elsewhere.example")
    made.set("mail_smtp.options", postmaster="chief@example.org")
    use(made, connection, "three.example", default_mailbox=ADA)
    assert no_catch_all(connection, made.context().settings, address) == ""


def test_a_catch_all_here_that_nobody_has_is_told_of(
    connection: sa.Connection, made: Bench
) -> None:
    """Also before there is a directory, and of an alias that reaches nobody."""
    settings = made.context().settings
    use(made, connection, "two.example", default_mailbox="gone@example.com")
    for address in (ADA, "ada@example.net", "x@two.example"):
        assert "neither a mail account nor" in no_catch_all(None, settings, address)
        assert "neither a mail account nor" in no_catch_all(connection, settings, address)
    create_account(connection, "bob", "bob@example.com")
    alias_account(connection, INFO, "bob@example.com")
    connection.execute(DOMAINS.delete().where(DOMAINS.c.name == "example.com"))
    assert "reaches nobody" in no_catch_all(connection, settings, INFO)
