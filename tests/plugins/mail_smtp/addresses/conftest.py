"""A directory with users and mail domains, for tests of addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import sqlalchemy as sa

from mailstead.machine.values import Path as SystemPath
from mailstead_mail_smtp.addresses import following
from mailstead_mail_smtp.addresses.tables import DOMAIN_ALIASES, DOMAINS
from mailstead_users.directory import Directory
from mailstead_users.schemas import USERS, image
from mailstead_users.tables import groups, memberships, users
from tests.plugins.contexts import SANDBOX


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    """Give a directory: ada and bob in the group staff, two domains, and an alias of one."""
    instance = attrs.evolve(SANDBOX, prefix=SystemPath(tmp_path))
    for schema in (USERS, *following.schemas()):
        path = Path(instance.path(schema.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image(schema))
    with Directory.open(instance, following.schemas()) as made:
        with made.write() as connection:
            for name in ("ada", "bob"):
                values = {"uuid": name, "name": name, "password": "x"}
                connection.execute(users.insert().values(values))
            connection.execute(DOMAINS.insert(), [{"name": "example.com"}, {"name": "example.org"}])
            alias = {"name": "example.net", "domain": "example.com"}
            connection.execute(DOMAIN_ALIASES.insert().values(alias))
            connection.execute(groups.insert().values(name="staff"))
            members = [{"group_id": 1, "user_id": number} for number in (1, 2)]
            connection.execute(memberships.insert(), members)
        yield made


@pytest.fixture
def connection(directory: Directory) -> Iterator[sa.Connection]:
    """Give a transaction on it."""
    with directory.write() as made:
        yield made
