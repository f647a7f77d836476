"""What looking at many addresses costs: a page of them, a search, one more alias."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa

from mailstead.instance import Instance
from mailstead.machine.values import Path as MachinePath
from mailstead_mail_smtp.addresses import following
from mailstead_mail_smtp.addresses.accounts import list_accounts
from mailstead_mail_smtp.addresses.aliases import alias_account, delete_alias, list_aliases
from mailstead_mail_smtp.addresses.tables import ACCOUNTS, ALIASES, DOMAINS
from mailstead_users import tables
from mailstead_users.directory import Directory
from mailstead_users.schemas import USERS, image

RUNS = 11
PER_DOMAIN = 100


def address_costs(folder: Path, accounts: int) -> Iterator[str]:
    """Give lines: milliseconds among so many accounts, each with an alias, 100 to a domain."""
    yield f"{f'addresses, {accounts} accounts (hoped: 100 a page)':<58} {'median':>8} {'worst':>8}"
    instance = Instance(prefix=MachinePath(folder / "addresses"), kind="sandbox")
    schemas = following.schemas()
    for schema in (USERS, *schemas):
        path = Path(instance.path(schema.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image(schema))
    with Directory.open(instance, schemas) as directory:
        fill(directory, accounts)
        yield from _pages(directory, accounts)
        yield _line("alias added and removed", lambda: _alias(directory))


def _pages(directory: Directory, accounts: int) -> Iterator[str]:
    middle, last = domain_name(accounts // PER_DOMAIN // 2), local_part(accounts - 1)
    pages = {
        "first page": {},
        "page in the middle": {"after": f"{local_part(accounts // 2)}@"},
        "page of a domain": {"domain": middle},
        "search that finds one": {"search": last},
        "search that finds none": {"search": "nobody at all"},
    }
    for name, asked in pages.items():
        for word, listed in (("accounts", list_accounts), ("aliases", list_aliases)):

            def ask(listed: Callable[..., object] = listed, asked: dict[str, str] = asked) -> None:
                with directory.read() as connection:
                    listed(connection, **asked)

            yield _line(f"{word}: {name}", ask)


def _alias(directory: Directory) -> None:
    with directory.write() as connection:
        alias_account(connection, f"one-more@{domain_name(0)}", f"{local_part(0)}@{domain_name(0)}")
    with directory.write() as connection:
        delete_alias(connection, f"one-more@{domain_name(0)}")


def _line(name: str, act: Callable[[], None]) -> str:
    spent = []
    for _ in range(RUNS):
        begun = time.monotonic()
        act()
        spent.append((time.monotonic() - begun) * 1000)
    return f"{name:<58} {statistics.median(spent):8.1f} {max(spent):8.1f}"


def fill(directory: Directory, accounts: int) -> None:
    """Add accounts with an alias each, `PER_DOMAIN` to a domain."""
    people, boxes, logins, aliases = [], [], [], []
    for number in range(accounts):
        local, domain = local_part(number), domain_name(number // PER_DOMAIN)
        address, home = f"{local}@{domain}", f"{domain}/{local}-{number:08x}"
        place = {"domain": domain, "local": local}
        people.append({"id": number + 1, "uuid": f"{number:032x}", "name": local, "password": "x"})
        boxes.append({"address": address, "user_id": number + 1, "maildir": f"{home}/Maildir/",
                      **place})  # fmt: skip
        logins.append({"login": address, "user_id": number + 1, "home": home})
        aliases.append({"address": f"a.{address}", "account": address, "domain": domain,
                        "local": f"a.{local}"})  # fmt: skip
    names = [{"name": domain_name(number)} for number in range(accounts // PER_DOMAIN or 1)]
    rows = ((tables.users, people), (DOMAINS, names), (ACCOUNTS, boxes), (tables.logins, logins),
            (ALIASES, aliases))  # fmt: skip
    with directory.write() as connection:
        for table, given in rows:
            connection.execute(sa.insert(table), given)


def local_part(number: int) -> str:
    """Name an account."""
    return f"user{number:07}"


def domain_name(number: int) -> str:
    """Name a domain."""
    return f"d{number:05}.example"
