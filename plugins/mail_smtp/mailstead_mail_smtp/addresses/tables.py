"""What Postfix looks up: mail domains, published by Save, and mail accounts, immediate.

A file of its own, because the Postfix user reads it and must not read password hashes. The
columns `domain` and `local` are indexed for listing; lookups are by primary key.
"""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = "mail"
VERSION = 1
METADATA = sa.MetaData(schema=SCHEMA)

DOMAINS = sa.Table("domains", METADATA, sa.Column("name", sa.Text, primary_key=True))

ACCOUNTS = sa.Table(
    "accounts",
    METADATA,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("local", sa.Text, nullable=False),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("user_id", sa.Integer, nullable=False, unique=True),
    sa.Column("maildir", sa.Text, nullable=False, unique=True),
    sa.Column("created", sa.DateTime, nullable=False, server_default=sa.func.now()),
    sa.Index("accounts_by_domain", "domain", "local"),
)
