"""External accounts and what became of their polls: a file of the directory, for root alone."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = "fetchmail"
VERSION = 1
METADATA = sa.MetaData(schema=SCHEMA)

ACCOUNTS = sa.Table(
    "external_accounts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.Integer, nullable=False),
    sa.Column("login", sa.Text, nullable=False),
    sa.Column("server", sa.Text, nullable=False),
    sa.Column("protocol", sa.Text, nullable=False),
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("keep", sa.Boolean, nullable=False),
    sa.Column("fetch_read", sa.Boolean, nullable=False),
    sa.Column("verify_tls", sa.Boolean, nullable=False),
    # Encrypted: see sealing.py.
    sa.Column("password", sa.Text, nullable=False),
    # Seconds since the epoch.
    sa.Column("changed", sa.Float, nullable=False),
    sa.UniqueConstraint("user_id", "server", "login", name="once"),
    # The number names files of Fetchmail's: it is never given again.
    sqlite_autoincrement=True,
)

POLLS = sa.Table(
    "polls",
    METADATA,
    sa.Column("account_id", sa.Integer, primary_key=True, autoincrement=False),
    # When the last one that ended began; null: none did.
    sa.Column("at", sa.Float),
    # When the last one that went well began; null: never.
    sa.Column("succeeded", sa.Float),
    # When the first one began after which mail that was delivered may still be on the server, as
    # if it were new: one that was killed, or lost its connection; null: nothing of the kind.
    sa.Column("unfinished", sa.Float),
    sa.Column("fetched", sa.Integer, nullable=False),
    # In plain words; empty: it went well.
    sa.Column("error", sa.Text, nullable=False),
    sa.Index("polls_by_time", "at"),
)
