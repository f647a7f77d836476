"""Scripts in a backup: a table of them, made anew for each backup.

They lie in the homes, with which they are in a backup of the mail only; and which of them is active
is a link, which a backup of a tree passes over.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import attrs

from mailstead.plugin import Context, Machine, MailsteadError, Path, counted
from mailstead_mail_smtp.places import MAILDIRS
from mailstead_sieve.places import BACKUP
from mailstead_sieve.scripts.accounts import Owner
from mailstead_sieve.scripts.storage import Scripts

SCHEMA = """
CREATE TABLE scripts (
    home TEXT, name TEXT, text TEXT NOT NULL, is_active INTEGER NOT NULL, PRIMARY KEY (home, name)
) WITHOUT ROWID;
"""
SUFFIX = ".sieve"
LARGEST, TOLD = 1 << 20, 10


@attrs.frozen
class Kept:
    """A script as it is kept; ``home`` is the folder of its account."""

    home: str
    name: str
    text: str
    is_active: bool


def prepare(context: Context, machine: Machine) -> None:
    """Make the table where it is missing."""
    path = context.path(BACKUP)
    if machine.stat_file(path) is None:
        with closing(sqlite3.connect(":memory:")) as made:
            made.executescript(SCHEMA)
            image = made.serialize()
        machine.replace_file(path, image, mode=0o600, uid=0, gid=0)


def refresh(context: Context, machine: Machine) -> None:
    """Write down the scripts of all accounts, and nothing else. Raises MachineError."""
    found = (kept for owner in _owners(context) for kept in find_kept(context, machine, owner.home))
    with closing(sqlite3.connect(context.path(BACKUP))) as connection, connection:
        connection.execute("DELETE FROM scripts")
        connection.executemany("INSERT INTO scripts VALUES (?, ?, ?, ?)", map(attrs.astuple, found))


def restored(context: Context, machine: Machine) -> str:
    """Give accounts the scripts that were written down and that they lack; activate, if none is."""
    count, problems = 0, []
    for owner in _owners(context):
        for kept in _missing(context, machine, owner.home):
            try:
                scripts = Scripts(context, machine, owner)
                scripts.put_back(kept.name, kept.text, activate=kept.is_active)
                count += 1
            except MailsteadError as error:
                problems.append(f"script {kept.name} of {owner.address}: {error}")
    told = "; ".join([f"{counted(count, 'Sieve script')} put back", *problems[:TOLD]])
    return f"{told}; and {len(problems) - TOLD} more" if len(problems) > TOLD else told


def find_kept(context: Context, machine: Machine, home: str) -> Iterator[Kept]:
    """Find the scripts in a home."""
    folder = _home(context, home)
    active = machine.read_link(folder / ".dovecot.sieve")
    for name in machine.list_directory(folder / "sieve"):
        path = folder / "sieve" / name
        state = machine.stat_file(path)
        if name.endswith(SUFFIX) and state is not None and state.kind == "file":
            text = machine.read_file(path, limit=LARGEST).decode(errors="replace")
            yield Kept(home, name.removesuffix(SUFFIX), text, active == f"sieve/{name}")


def _missing(context: Context, machine: Machine, home: str) -> list[Kept]:
    with closing(sqlite3.connect(context.path(BACKUP))) as connection:
        rows = connection.execute("SELECT * FROM scripts WHERE home = ? ORDER BY name", (home,))
        kept = [Kept(home, name, text, bool(is_active)) for home, name, text, is_active in rows]
    found = find_kept(context, machine, home) if kept else ()
    there = {item.name: item.is_active for item in found}
    has_active = any(there.values())
    return [
        attrs.evolve(item, is_active=item.is_active and not has_active)
        for item in kept
        if item.name not in there or (item.is_active and not has_active)
    ]


def _home(context: Context, home: str) -> Path:
    return context.path(f"{MAILDIRS}/{home}")


def _owners(context: Context) -> Iterator[Owner]:
    import sqlalchemy as sa

    from mailstead_mail_smtp.addresses.accounts import MAILDIR
    from mailstead_mail_smtp.addresses.tables import ACCOUNTS
    from mailstead_users.opening import open_directory

    with open_directory(context) as directory, directory.read() as connection:
        select = sa.select(ACCOUNTS.c.address, ACCOUNTS.c.maildir).order_by(ACCOUNTS.c.address)
        for address, maildir in connection.execute(select):
            yield Owner(address, maildir.removesuffix(MAILDIR))
