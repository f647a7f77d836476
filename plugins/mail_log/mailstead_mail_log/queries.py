"""Questions to the table. Pages are found by key, so that a late one costs what the first does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import attrs

from mailstead.plugin import NotFound
from mailstead_mail_log.store import LogStore

LONGEST_JOURNEY = 200  # messages: bounces of bounces end sooner
DAY = 86400
EMPTY = "<>"  # asks for mail without a sender, as bounces are: RFC 5321 4.5.5
ENDS = {
    "sent": "status = 'sent' AND kind IN ('sent', 'relay')",
    "received": "status = 'sent' AND kind = 'received'",
    "internal": "status = 'sent' AND kind = 'internal'",
    "rejected": "status = 'rejected'",
    "bounced": "status IN ('bounced', 'expired')",
    "deferred": "status = 'deferred'",
    "deleted": "status = 'deleted'",
}  # what the columns of `days` count


@attrs.frozen
class Entry:
    """What became of one recipient of one message; see `mailstead_mail_log.store`."""

    id: int
    at: float
    queue_id: str
    recipient: str
    original: str
    message_id: str
    client_ip: str
    client_name: str
    login: str
    sender: str
    size: int | None
    relay: str
    kind: str
    status: str
    event: str
    text: str
    attempts: int

    @property
    def written_to(self) -> str:
        """Give the address that the message was sent to, before aliases were followed.

        Nobody writes to the address by which a copy goes to a catch-all.
        """
        return self.recipient if self.kind == "copy" else self.original or self.recipient


@attrs.frozen
class Search:
    """Which entries are asked for.

    Attributes:
        sender: an address, ``@domain``, a part of either, or `EMPTY`.
        recipient: an address, ``@domain``, or a part, of who got it or of what was written to.
        before: the id of the last entry of the page before.
    """

    sender: str = ""
    recipient: str = ""
    status: str = ""
    event: str = ""
    client: str = ""
    since: float = 0.0
    until: float = 0.0
    before: int = 0
    limit: int = 100


@attrs.frozen
class Step:
    """One line of a message's journey."""

    at: float
    queue_id: str
    program: str
    text: str


def search(store: LogStore, wanted: Search) -> tuple[Entry, ...]:
    """Give entries, newest first."""
    where, values = _where(wanted)
    sql = f"SELECT * FROM entries WHERE {where} ORDER BY id DESC LIMIT :limit"  # noqa: S608 - values are bound
    return tuple(Entry(**dict(row)) for row in store.run(sql, values))


def newer(store: LogStore, after: int, limit: int = 1000) -> tuple[Entry, ...]:
    """Give the entries that came after one, oldest first."""
    sql = "SELECT * FROM entries WHERE id > ? ORDER BY id LIMIT ?"
    return tuple(Entry(**dict(row)) for row in store.run(sql, (after, limit)))


def journey(store: LogStore, key: str) -> tuple[Step, ...]:
    """Give every step of a message, by queue id or Message-ID. Raises NotFound.

    A message that a filter gave back, that was forwarded, or that tells of another, belongs to it.
    """
    ids = _related(store, key.strip("<>"))
    if not ids:
        hint = "give a queue id or Message-ID; see `mailstead log search`"
        raise NotFound(f"no message {key!r} is in the log", where="log.message", hint=hint)
    marks = ", ".join("?" * len(ids))
    sql = f"SELECT at, queue_id, program, text FROM steps WHERE queue_id IN ({marks}) ORDER BY id"  # noqa: S608
    return tuple(Step(*row) for row in store.run(sql, tuple(ids)))


def top(
    store: LogStore, column: Literal["sender", "recipient"], since: float, limit: int
) -> tuple[tuple[str, int, int], ...]:
    """Give addresses with how many messages and bytes they sent or got, most first.

    A message is one, to however many; copies for catch-alls are none, nor is a way to a filter.
    """
    sql = f"""SELECT {column}, count(*) AS n, coalesce(sum(size), 0) FROM (
            SELECT DISTINCT {column}, queue_id, size FROM entries
            WHERE at >= ? AND status = 'sent' AND kind NOT IN ('copy', 'filter') AND {column} <> '')
        GROUP BY {column} ORDER BY n DESC, {column} LIMIT ?"""  # noqa: S608 - one of two names
    return tuple(tuple(row) for row in store.run(sql, (since, limit)))


def days(store: LogStore, since: float) -> tuple[dict[str, Any], ...]:
    """Give for each day, newest first, how many messages had which end.

    A message is one in each column that holds for any of its recipients; copies for catch-alls
    are none, nor is a way to a filter. What was refused at the door counts by recipient.
    """
    columns = ", ".join(
        f"count(DISTINCT CASE WHEN {holds} THEN message END) AS {name}"
        for name, holds in ENDS.items()
    )
    sql = f"""SELECT date(at, 'unixepoch', 'localtime') AS day, {columns}
        FROM (SELECT *, iif(queue_id = '', id, queue_id) AS message FROM entries)
        WHERE at >= ? AND kind NOT IN ('copy', 'filter') GROUP BY day ORDER BY day DESC"""  # noqa: S608 - `ENDS`
    return tuple(dict(row) for row in store.run(sql, (since,)))


def wrong_logins(
    store: LogStore, column: Literal["client", "account"], since: float, limit: int
) -> tuple[tuple[str, int, float], ...]:
    """Give clients or accounts with how many wrong logins there were and when the last was."""
    sql = f"""SELECT {column}, count(*) AS n, max(at) FROM logins WHERE at >= ?
        GROUP BY {column} ORDER BY n DESC, {column} LIMIT ?"""  # noqa: S608 - one of two names
    return tuple(tuple(row) for row in store.run(sql, (since, limit)))


def _where(wanted: Search) -> tuple[str, dict[str, Any]]:
    parts, values = ["1"], dict[str, Any](limit=wanted.limit)
    for name, columns in (("sender", ("sender",)), ("recipient", ("recipient", "original"))):
        if name == "sender" and wanted.sender == EMPTY:
            # Whose sender is not known has no recipient either.
            parts.append("sender = '' AND recipient <> ''")
        elif text := getattr(wanted, name).lower():
            parts.append(f"({' OR '.join(_address(column, name, text) for column in columns)})")
            values[name] = _pattern(text) if _is_part(text) else text
    exact = (("status", "status"), ("event", "event"), ("client_ip", "client"))
    for column, name in exact:
        if value := getattr(wanted, name):
            parts.append(f"{column} = :{name}")
            values[name] = value
    for part, name in (
        ("at >= :since", "since"),
        ("at < :until", "until"),
        ("id < :before", "before"),
    ):
        if value := getattr(wanted, name):
            parts.append(part)
            values[name] = value
    return " AND ".join(parts), values


def _is_part(text: str) -> bool:
    return "@" not in text or text.startswith("@")


def _address(column: str, name: str, text: str) -> str:
    if _is_part(text):
        return f"{column} LIKE :{name} ESCAPE '\\'"
    # The index of originals holds those that differ from the recipient: it must be asked for them.
    return f"{column} <> '' AND {column} = :{name} COLLATE NOCASE"


def _pattern(text: str) -> str:
    plain = "".join(f"\\{char}" if char in "\\%_" else char for char in text)
    return f"%{plain}" if text.startswith("@") else f"%{plain}%"


def _related(store: LogStore, key: str) -> Sequence[str]:
    """Give the queue ids of a message, of what it came of, and of what came of it."""
    sql = """WITH RECURSIVE
        same(queue_id) AS (
            SELECT queue_id FROM messages WHERE queue_id = :key
            UNION SELECT queue_id FROM messages WHERE message_id = :key AND :key <> ''
            UNION SELECT b.queue_id FROM messages a JOIN messages b ON a.message_id = b.message_id
                WHERE a.queue_id = :key AND a.message_id <> ''
            UNION SELECT m.parent FROM messages m
                JOIN same ON m.queue_id = same.queue_id WHERE m.parent <> ''
            UNION SELECT m.queue_id FROM messages m
                JOIN same ON m.parent = same.queue_id WHERE m.parent <> '')
        SELECT queue_id FROM same LIMIT :limit"""
    rows = store.run(sql, {"key": key, "limit": LONGEST_JOURNEY}).fetchall()
    if rows:
        return [row[0] for row in rows]
    found = store.run("SELECT 1 FROM steps WHERE queue_id = ? LIMIT 1", (key,)).fetchone()
    return [key] if found else []
