"""The directory's own tables. What is looked up has an index; see also RFC 5321 for logins.

``logins`` are the names under which users authenticate and receive mail: other modules
register them, the IMAP server reads them with one indexed query.
"""

from __future__ import annotations

import sqlalchemy as sa

VERSION = 1
METADATA = sa.MetaData()

SCHEMA_VERSION = sa.Table(
    "schema_version",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)

USERS = sa.Table(
    "users",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("first_name", sa.Text, nullable=False, server_default=""),
    sa.Column("last_name", sa.Text, nullable=False, server_default=""),
    sa.Column("comment", sa.Text, nullable=False, server_default=""),
    sa.Column("password", sa.Text, nullable=False),
    sa.Column("enabled", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created", sa.Float, nullable=False),
)

GROUPS = sa.Table(
    "groups",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("comment", sa.Text, nullable=False, server_default=""),
)

MEMBERSHIPS = sa.Table(
    "memberships",
    METADATA,
    sa.Column("group_id", sa.ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Index("memberships_by_user", "user_id"),
)

LOGINS = sa.Table(
    "logins",
    METADATA,
    sa.Column("login", sa.Text, primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("home", sa.Text, nullable=False),
    sa.Index("logins_by_user", "user_id"),
)
