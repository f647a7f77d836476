"""What Postfix finds, asked with postmap(1) itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailstead_mail_smtp.addresses.accounts import create_account, suspend
from mailstead_mail_smtp.addresses.aliases import alias_account, alias_external, alias_group
from mailstead_mail_smtp.addresses.lookups import (
    CLOSED,
    LISTED,
    LOOKUPS,
    UNREACHED,
    Used,
    queries,
)
from mailstead_mail_smtp.addresses.tables import DOMAINS
from mailstead_mail_smtp.places import LOOKUP_DATABASE
from mailstead_users.directory import Directory

COPY = "copy@example.com.catch-all.invalid"
AT_COPY = "@example.com.catch-all.invalid"
CATCH_ALL = "o'copy+x=y@example.org"
POSTMASTER = "postmaster@mail.example.edu"
ROOT = "root@mail.example.edu"
Ask = Callable[..., str]


@pytest.fixture
def ask(directory: Directory, tmp_path: Path) -> Ask:
    """Fill a directory; give a function that asks a map for a key."""
    with directory.write() as connection:
        for user, address in (("ada", "ada@example.com"), ("bob", "bob@example.org")):
            create_account(connection, user, address)
        alias_account(connection, "info@example.com", "ada@example.com")
        alias_account(connection, "moved@example.com", "bob@example.org")
        alias_group(connection, "all@example.com", "staff")
        alias_external(connection, "out@example.com", "ann@elsewhere.example")
        com = DOMAINS.update().where(DOMAINS.c.name == "example.com")
        connection.execute(com.values(catch_all=CATCH_ALL, default_mailbox="ada@example.com"))
    database = directory.instance.path(LOOKUP_DATABASE)

    def found(name: str, key: str, ours: str = "", root: str = "", used: Used | None = None) -> str:
        path = tmp_path / f"{name}.cf"
        query = queries(POSTMASTER, ours, root, used)[name]
        path.write_text(f"dbpath = file:{database}?mode=ro\nquery = {query}\n")
        os.utime(path, (0, 0))  # Postfix waits before it believes a file just written
        done = subprocess.run(
            ["postmap", "-q", key, f"sqlite:{path}"], capture_output=True, text=True, check=False
        )
        assert not done.stderr, done.stderr
        return done.stdout.strip()

    return found


def test_looking_as_root_leaves_the_write_ahead_log(ask: Ask, directory: Directory) -> None:
    """Postfix's user may read, and could not make it anew: mail would stop."""
    directory.close()
    log = Path(directory.instance.path(f"{LOOKUP_DATABASE}-wal"))
    assert log.exists()
    assert ask("accounts", "bob@example.org") == "bob@example.org"
    assert log.exists()


def change(directory: Directory, *words: str) -> None:
    """Run SQL."""
    with directory.write() as connection:
        for text in words:
            connection.execute(sa.text(text))


FOUND = [
    ("domains", "example.com", "example.com"),
    ("domains", "example.net", "example.net"),
    ("domains", "elsewhere.example", ""),
    ("accounts", "ada@example.com", f"ada@example.com,{COPY}"),
    ("accounts", "ada@example.net", f"ada@example.com,{COPY}"),
    ("accounts", "ADA@example.com", f"ada@example.com,{COPY}"),
    ("accounts", "bob@example.org", "bob@example.org"),
    ("accounts", "info@example.com", ""),
    ("accounts", "@example.com", ""),
    ("accounts", "ada", ""),
    ("aliases", "ada@example.com", ""),
    ("aliases", "info@example.net", f"ada@example.com,{COPY}"),
    (
        "aliases",
        "all@example.com",
        f"ada@example.com,{COPY},bob@example.org,{COPY}",
    ),
    ("aliases", "out@example.net", f"ann@elsewhere.example,{COPY}"),
    ("aliases", "moved@example.com", f"bob@example.org,{COPY}"),
    ("aliases", "nobody@example.com", ""),
    ("aliases", "info@example.org", ""),
    ("aliases", "ann@elsewhere.example", ""),
    ("aliases", "@example.com", ""),
    ("aliases", "info", ""),
    ("roles", "postmaster@example.net", f"{POSTMASTER},{COPY}"),
    ("roles", "abuse@example.org", POSTMASTER),
    ("roles", "postmaster@elsewhere.example", ""),
    ("roles", "webmaster@example.org", ""),
    ("default_mailbox", "@example.com", f"ada@example.com,{COPY}"),
    ("default_mailbox", "@example.net", f"ada@example.com,{COPY}"),
    ("default_mailbox", "@example.org", ""),
    ("default_mailbox", "nobody@example.com", ""),
    ("catch_all", "anybody@example.com", COPY),
    ("catch_all", "anybody@example.net", COPY),
    ("catch_all", "bob@example.org", ""),
    ("catch_all", "@example.com", ""),
    ("copies", AT_COPY, CATCH_ALL),
    ("copies", AT_COPY.lstrip("@"), CATCH_ALL),
    ("copies", COPY, ""),
    ("copies", "@example.net.catch-all.invalid", ""),
    ("copies", "@example.org.catch-all.invalid", ""),
    ("copies", "@sub.example.com.catch-all.invalid", ""),
    ("copies", ".example.com.catch-all.invalid", ""),
    ("copies", "@example.com", ""),
    ("copies", "@catch-all.invalid", ""),
    ("uncopied_accounts", "ada@example.net", "ada@example.com"),
    ("uncopied_aliases", "all@example.com", "ada@example.com,bob@example.org"),
    ("uncopied_roles", "postmaster@example.net", POSTMASTER),
    ("uncopied_default_mailbox", "@example.net", "ada@example.com"),
    ("senders", "ada@example.net", "ada@example.com"),
    ("senders", "info@example.com", "ada@example.com"),
    ("senders", "all@example.com", ""),
    ("senders", "out@example.com", ""),
    ("closed", "ada@example.com", ""),
    ("own_domains", "anybody@example.com", LISTED),
    ("own_domains", "anybody@example.net", LISTED),
    ("own_domains", "ann@elsewhere.example", ""),
    ("own_domains", "example.com", ""),
    ("own_domains", "x@' OR 1=1 --", ""),
]


@pytest.mark.parametrize(("name", "key", "value"), FOUND)
def test_a_lookup_gives(ask: Ask, name: str, key: str, value: str) -> None:
    """As the table says."""
    assert ask(name, key) == value


@pytest.mark.parametrize("ours", ["postmaster@example.com", "no'body@example.com"])
def test_a_postmaster_of_ours_is_root_while_nobody_has_the_address(ask: Ask, ours: str) -> None:
    """By each name of its domain: what the postmaster leads to never leads to the postmaster."""
    local = ours.partition("@")[0]
    for key in (ours, f"{local}@example.net"):
        assert ask("roles", key, ours, ROOT) == f"{ROOT},{COPY}"
        assert ask("uncopied_roles", key, ours, ROOT) == ROOT
    assert ask("roles", "abuse@example.com", ours, ROOT) == f"{POSTMASTER},{COPY}"
    assert ask("roles", "postmaster@example.org", ours, ROOT) == POSTMASTER
    assert ask("roles", f"{local}@elsewhere.example", ours, ROOT) == ""
    assert ask("roles", "bob@example.com", ours, ROOT) == ""


def test_a_mailbox_is_found_by_its_real_address_alone(ask: Ask) -> None:
    """Another name was replaced before."""
    assert ask("mailboxes", "ada@example.com").startswith("example.com/ada-")
    assert ask("mailboxes", "ada@example.net") == ""


def test_nothing_is_found_in_a_domain_that_is_no_longer_managed(
    ask: Ask, directory: Directory
) -> None:
    """Its mail can go to wherever it is now, also through aliases that led there."""
    change(directory, "DELETE FROM mail.domains WHERE name = 'example.org'")
    assert ask("domains", "example.org") == ask("accounts", "bob@example.org") == ""
    assert ask("aliases", "moved@example.com") == ""
    assert ask("aliases", "all@example.com") == f"ada@example.com,{COPY}"
    assert ask("roles", "postmaster@example.org") == ""


def test_a_closed_mailbox_is_found_and_refused(ask: Ask, directory: Directory) -> None:
    """By each of its names; a group goes on without it, and no default mailbox takes its mail."""
    with directory.write() as connection:
        suspend(connection, "ada@example.com", refuse_mail=True)
    for lookup, name in (("accounts", "ada@example.com"), ("accounts", "ada@example.net"),
                         ("aliases", "info@example.com")):  # fmt: skip
        assert ask("closed", name) == CLOSED
        assert ask(lookup, name) == f"ada@example.com,{COPY}"
    assert ask("aliases", "all@example.com") == f"bob@example.org,{COPY}"
    assert ask("default_mailbox", "@example.com") == ""


def test_an_alias_that_reaches_nobody_is_refused(ask: Ask, directory: Directory) -> None:
    """A default mailbox gets what is for no address; this one is an address."""
    assert ask("closed", "all@example.net") == ask("closed", "out@example.com") == ""
    with directory.write() as connection:
        for address in ("ada@example.com", "bob@example.org"):
            suspend(connection, address, refuse_mail=True)
    assert ask("aliases", "all@example.com") == ""
    assert ask("closed", "all@example.com") == ask("closed", "all@example.net") == UNREACHED


@pytest.mark.parametrize("name", LOOKUPS)
@pytest.mark.parametrize("key", ["o'x@example.com", "' OR 1=1 --", "%s@example.com", "a%@b", '"'])
def test_a_key_stays_a_key(ask: Ask, name: str, key: str) -> None:
    """Postfix quotes it; nothing is found and nothing fails."""
    of_domain = {"own_domains": LISTED, "catch_all": COPY} if "@example.com" in key else {}
    assert ask(name, key) == of_domain.get(name, "")


USES = [Used(aliases, catch_alls) for aliases in (False, True) for catch_alls in (False, True)]
KEYS = sorted({key for _, key, _ in FOUND})


@pytest.mark.parametrize("name", LOOKUPS)
def test_a_query_that_leaves_out_what_nobody_uses_finds_the_same(
    ask: Ask, directory: Directory, name: str
) -> None:
    """Without aliases of domains, without catch-alls, and without both."""
    change(directory, "DELETE FROM mail.domain_aliases", "UPDATE mail.domains SET catch_all = NULL")
    for key in KEYS:
        (whole,) = {ask(name, key, used=used) for used in USES}
        assert whole == ask(name, key)


@pytest.mark.parametrize("used", USES, ids=str)
@pytest.mark.parametrize("ours", ["", "postmaster@example.com"])
@pytest.mark.parametrize("name", LOOKUPS)
@pytest.mark.usefixtures("ask")
def test_each_lookup_uses_indexes(directory: Directory, name: str, ours: str, used: Used) -> None:
    """However many addresses there are."""
    query = queries(POSTMASTER, ours, ROOT, used)[name].replace("%%", "%")
    for mark, value in (("%s", "ada@example.com"), ("%u", "ada"), ("%d", "example.com")):
        query = query.replace(mark, value)
    for table in ("domain_aliases", "group_accounts", "domains", "accounts", "aliases"):
        query = query.replace(f"FROM {table}", f"FROM mail.{table}")
        query = query.replace(f"JOIN {table}", f"JOIN mail.{table}")
    with directory.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
    scans = [row[-1] for row in plan if "SCAN" in row[-1]]
    assert [scan for scan in scans if "CONSTANT" not in scan] == []
