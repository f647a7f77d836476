"""The table: SQLite, written by whoever catches up, in one transaction with how far it read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

import attrs

from mailstead.plugin import Context, Machine, MachineError
from mailstead_mail_log.places import DATABASE

SCHEMA = """
CREATE TABLE sources (head TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE messages (
    queue_id TEXT PRIMARY KEY, at REAL NOT NULL, message_id TEXT NOT NULL DEFAULT '',
    client_ip TEXT NOT NULL DEFAULT '', client_name TEXT NOT NULL DEFAULT '',
    login TEXT NOT NULL DEFAULT '', sender TEXT NOT NULL DEFAULT '', size INTEGER,
    parent TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX messages_by_message_id ON messages (message_id) WHERE message_id <> '';
CREATE INDEX messages_by_parent ON messages (parent) WHERE parent <> '';
CREATE INDEX messages_by_time ON messages (at);
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, queue_id TEXT NOT NULL,
    recipient TEXT NOT NULL COLLATE NOCASE, original TEXT NOT NULL,
    message_id TEXT NOT NULL, client_ip TEXT NOT NULL,
    client_name TEXT NOT NULL, login TEXT NOT NULL,
    sender TEXT NOT NULL COLLATE NOCASE, size INTEGER,
    relay TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, event TEXT NOT NULL,
    text TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX entries_once ON entries (queue_id, recipient, original) WHERE queue_id <> '';
CREATE INDEX entries_by_time ON entries (at);
CREATE INDEX entries_by_sender ON entries (sender, at);
CREATE INDEX entries_by_recipient ON entries (recipient, at);
CREATE INDEX entries_by_event ON entries (event, at);
CREATE INDEX entries_by_status ON entries (status, at);
CREATE INDEX entries_by_client ON entries (client_ip, at);
CREATE TABLE steps (
    id INTEGER PRIMARY KEY, queue_id TEXT NOT NULL, at REAL NOT NULL, program TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX steps_by_message ON steps (queue_id);
CREATE INDEX steps_by_time ON steps (at);
CREATE TABLE logins (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, account TEXT NOT NULL, client TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX logins_by_time ON logins (at);
"""
# What makes an older table the one of now; a new one goes the same way. Only added to.
UPGRADES = (
    "CREATE INDEX entries_by_original ON entries (original COLLATE NOCASE, at) "
    "WHERE original <> ''",
    # A copy for a catch-all has a kind of its own: docs/adr/0017.
    "UPDATE entries SET kind = 'copy' "
    "WHERE recipient LIKE '%.catch-all.invalid' OR original LIKE '%.catch-all.invalid'",
    # What local(8) took is this machine's own.
    "UPDATE entries SET kind = 'received' WHERE kind = 'relay' AND relay = 'local'",
)
DATED = ("messages", "entries", "steps", "logins")
BUSY_SECONDS = 30.0
PRUNED = 5000  # rows removed at a time


@attrs.frozen
class LogStore:
    """The open table."""

    connection: sqlite3.Connection

    @classmethod
    def make(cls, context: Context, machine: Machine) -> None:
        """Make the file where it is missing. Raises MachineError."""
        path = context.path(DATABASE)
        if machine.stat_file(path) is None:
            with closing(sqlite3.connect(":memory:")) as made:
                made.executescript(SCHEMA)
                image = made.serialize()
            machine.replace_file(path, image, mode=0o600, uid=0, gid=0)

    @classmethod
    @contextmanager
    def open(cls, context: Context) -> Iterator[LogStore]:
        """Open the file. Raises MachineError."""
        path = context.path(DATABASE)
        address = f"file:{quote(str(path))}?mode=rw"
        try:
            connection = sqlite3.connect(
                address, uri=True, timeout=BUSY_SECONDS, isolation_level=None
            )
        except sqlite3.OperationalError as error:
            hint = "run `mailstead enable mail_log` and `mailstead save`"
            raise MachineError(str(error), where=str(path), hint=hint) from error
        with closing(connection):
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            store = cls(connection)
            store.upgrade()
            yield store

    def upgrade(self) -> None:
        """Bring an older table up to date; `user_version` counts what was done already."""
        if self._version() < len(UPGRADES):
            with self.write():
                for statement in UPGRADES[self._version() :]:
                    self.run(statement)
                self.run(f"PRAGMA user_version = {len(UPGRADES)}")

    def _version(self) -> int:
        return int(self.run("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def write(self) -> Iterator[None]:
        """Hold a transaction that nobody else writes in."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def run(self, sql: str, values: Mapping[str, Any] | tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run a statement."""
        return self.connection.execute(sql, values)

    def prune(self, before: float) -> bool:
        """Forget a part of what is older; tells whether there may be more."""
        gone = 0
        for table in DATED:
            old = f"SELECT {_KEYS.get(table, 'id')} FROM {table} WHERE at < ? LIMIT {PRUNED}"  # noqa: S608 - names are constants
            sql = f"DELETE FROM {table} WHERE {_KEYS.get(table, 'id')} IN ({old})"  # noqa: S608
            gone = max(gone, self.run(sql, (before,)).rowcount)
        return gone == PRUNED


_KEYS = {"messages": "queue_id"}
