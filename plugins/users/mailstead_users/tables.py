"""The tables of the directory's main file. Portable SQL; see sqlite.py for what is SQLite's.

Lower-case ASCII names sort the same in every collation that is used here ("C" on PostgreSQL).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    func,
    true,
)  # fmt: skip
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

VERSION = 1
metadata = MetaData()


class new_uuid(GenericFunction[str]):  # noqa: N801 - the name of an SQL function
    """Make a random identifier in the database."""

    type = String()
    inherit_cache = True


@compiles(new_uuid)
def _anywhere(_element: new_uuid, _compiler: SQLCompiler, **_options: Any) -> str:
    return "CAST(gen_random_uuid() AS TEXT)"


@compiles(new_uuid, "sqlite")
def _in_sqlite(_element: new_uuid, _compiler: SQLCompiler, **_options: Any) -> str:
    return "lower(hex(randomblob(16)))"


users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    # Never used again, unlike a name: for what must not be inherited by a namesake.
    Column("uuid", String(36), nullable=False, unique=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("first_name", String(100), nullable=False, server_default=""),
    Column("last_name", String(100), nullable=False, server_default=""),
    Column("comment", String(255), nullable=False, server_default=""),
    Column("password", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("created", DateTime, nullable=False, server_default=func.now()),
    sqlite_autoincrement=True,
)
groups = Table(
    "groups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("comment", String(255), nullable=False, server_default=""),
    sqlite_autoincrement=True,
)
memberships = Table(
    "memberships",
    metadata,
    Column("group_id", ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Index("memberships_by_user", "user_id"),
    sqlite_with_rowid=False,
)
logins = Table(
    "logins",
    metadata,
    Column("login", String(254), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("home", String(4095), nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    # Bytes; null: what holds for all, 0: no limit.
    Column("quota", BigInteger),
    Index("logins_by_user", "user_id"),
    sqlite_with_rowid=False,
)
