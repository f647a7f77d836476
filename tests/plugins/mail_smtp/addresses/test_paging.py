"""Pages and searches cost what they show, not what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from mailstead.errors import InvalidValue
from mailstead_mail_smtp.addresses.accounts import list_accounts, unmanaged_domains
from mailstead_mail_smtp.addresses.aliases import list_aliases
from mailstead_mail_smtp.addresses.managed import stored_domain
from mailstead_mail_smtp.addresses.tables import ACCOUNTS, ALIASES
from mailstead_users.tables import users

Listed = Callable[..., list[Any]]
FEW, MANY = 100, 2000
SEARCHED = 22  # instructions for each address; with lower() for each column there are more
LISTS = pytest.mark.parametrize("listed", [list_accounts, list_aliases])
# In order of address, a-b comes before a: "-" is before "@".
LOCALS = ("a", "a-b", "a.b", "b")


def fill(connection: sa.Connection, start: int, stop: int, domain: str = "example.com") -> None:
    """Give new users accounts, and each account an alias."""
    for number in range(start, stop):
        add(connection, number, f"u{number:05}", domain)


def add(connection: sa.Connection, number: int, local: str, domain: str) -> None:
    """Give one new user an account and an alias for it."""
    user = {"id": number, "uuid": str(number), "name": f"{local}-{number}", "password": "x"}
    connection.execute(users.insert().values(user))
    address, place = f"{local}@{domain}", {"local": local, "domain": domain}
    box = {"address": address, "user_id": number, "maildir": f"{number}/"}
    connection.execute(ACCOUNTS.insert().values(**box, **place))
    alias = {"address": f"x{address}", "local": f"x{local}", "domain": domain, "account": address}
    connection.execute(ALIASES.insert().values(alias))


def steps(connection: sa.Connection, act: Callable[[], object]) -> int:
    """Count the instructions of SQLite's virtual machine: work, not time."""
    raw: Any = connection.connection.driver_connection.raw  # type: ignore[union-attr]
    count = 0

    def note() -> bool:
        nonlocal count
        count += 1
        return False

    raw.set_progress_handler(note, 1)
    try:
        act()
    finally:
        raw.set_progress_handler(None, 1)
    return count


@LISTS
@pytest.mark.parametrize(
    "asked", [{}, {"after": "u00050@"}, {"domain": "example.org"}, {"domain": "example.com"}]
)
def test_a_page_costs_the_same_among_many(
    connection: sa.Connection, listed: Listed, asked: dict[str, str]
) -> None:
    """The first, one in the middle, one of a small domain and one of a large."""
    fill(connection, 9000, 9020, "example.org")
    fill(connection, 100, 100 + FEW)

    def page() -> object:
        return listed(connection, limit=10, **asked)

    few = steps(connection, page)
    fill(connection, 100 + FEW, 100 + MANY)
    assert steps(connection, page) <= few * 1.1


@LISTS
def test_a_search_looks_at_each_address_once(connection: sa.Connection, listed: Listed) -> None:
    """A few instructions for each, whatever else a row of the list shows."""
    fill(connection, 100, 100 + FEW)

    def search() -> object:
        return listed(connection, search="nobody at all")

    few = steps(connection, search)
    fill(connection, 100 + FEW, 100 + MANY)
    assert (steps(connection, search) - few) / (MANY - FEW) < SEARCHED


@LISTS
@pytest.mark.parametrize("domain", ["", "example.org"])
def test_pages_together_are_the_whole_list(
    connection: sa.Connection, listed: Listed, domain: str
) -> None:
    """Nothing twice and nothing left out, in the list's own order."""
    for number, local in enumerate(LOCALS, 100):
        add(connection, number, local, "example.org")
    whole = [item.address for item in listed(connection, domain=domain)]
    found, after = [], ""
    while page := listed(connection, domain=domain, after=after, limit=1):
        after = page[0].address
        found.append(after)
    assert found == whole
    assert len(whole) == len(set(whole)) == len(LOCALS)


@pytest.mark.parametrize("text", ["%", "_", "\\", "/", "1) UNION SELECT password FROM users --"])
def test_a_search_for_accounts_is_a_text_and_nothing_more(
    connection: sa.Connection, text: str
) -> None:
    """No pattern, no SQL; a part of an address or of a user's name is found in any case."""
    add(connection, 100, "carl", "example.com")
    assert list_accounts(connection, search=text) == []
    for part in ("CARL@", "carl-1", "Example.com"):
        assert [item.address for item in list_accounts(connection, search=part)] == [
            "carl@example.com"
        ]


def test_domains_that_are_not_managed_are_counted(connection: sa.Connection) -> None:
    """Their accounts stay, without effect, and are listed as such."""
    fill(connection, 100, 103)
    assert unmanaged_domains(connection) == {}
    connection.execute(sa.text("DELETE FROM mail.domains WHERE name = 'example.com'"))
    assert unmanaged_domains(connection) == {"example.com": 3}
    assert [item.is_managed for item in list_accounts(connection)] == [False] * 3


def test_a_list_of_a_domain_is_asked_for_by_any_of_its_names(connection: sa.Connection) -> None:
    """In any case, by an alias, in international spelling; what is no domain is refused."""
    assert stored_domain(connection, "EXAMPLE.net") == "example.com"
    assert stored_domain(connection, "BÜCHER.example") == "xn--bcher-kva.example"
    with pytest.raises(InvalidValue, match=r"^domain: "):
        stored_domain(connection, "1) UNION SELECT")
