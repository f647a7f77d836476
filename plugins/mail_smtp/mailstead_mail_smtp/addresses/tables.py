"""What Postfix looks up: domains, published by Save, and addresses, immediate.

A file of its own, because the Postfix user reads it and must not read password hashes. Lookups
are by primary key; the indexes by domain are for listing. An address is stored at its real
domain: at an alias of that domain it is the same address.
"""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = "mail"
VERSION = 1
METADATA = sa.MetaData(schema=SCHEMA)

DOMAINS = sa.Table(
    "domains",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("catch_all", sa.Text),
    sa.Column("default_mailbox", sa.Text),
)

DOMAIN_ALIASES = sa.Table(
    "domain_aliases",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Index("domain_aliases_by_domain", "domain"),
)

ACCOUNTS = sa.Table(
    "accounts",
    METADATA,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("local", sa.Text, nullable=False),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("user_id", sa.Integer, nullable=False, unique=True),
    sa.Column("maildir", sa.Text, nullable=False, unique=True),
    sa.Column("refuses_mail", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created", sa.DateTime, nullable=False, server_default=sa.func.now()),
    sa.Index("accounts_by_domain", "domain", "local"),
)

# Another name for one account, for the accounts of a group's members, or for an address elsewhere.
ALIASES = sa.Table(
    "aliases",
    METADATA,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("local", sa.Text, nullable=False),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("account", sa.Text),
    sa.Column("group_id", sa.Integer),
    sa.Column("external", sa.Text),
    sa.Column("created", sa.DateTime, nullable=False, server_default=sa.func.now()),
    sa.CheckConstraint(
        "(account IS NOT NULL) + (group_id IS NOT NULL) + (external IS NOT NULL) = 1",
        name="one_target",
    ),
    sa.Index("aliases_by_domain", "domain", "local"),
    sa.Index("aliases_by_account", "account"),
    sa.Index("aliases_by_group", "group_id"),
)

# Accounts of the members of each group that has an alias: a copy of what Postfix may not read.
GROUP_ACCOUNTS = sa.Table(
    "group_accounts",
    METADATA,
    sa.Column("group_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Index("group_accounts_by_account", "account"),
)

# Mailboxes that are known to have room: nobody needs to be asked before mail for them is taken. A
# file of its own, since what is in it can be found out again at any time.
ROOM_SCHEMA = "room"
ROOM_METADATA = sa.MetaData(schema=ROOM_SCHEMA)
ROOMY = sa.Table(
    "roomy",
    ROOM_METADATA,
    sa.Column("address", sa.Text, primary_key=True),
    # The settings under which it was found out; under others it does not count.
    sa.Column("terms", sa.Text, nullable=False),
    sa.Column("learned", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
