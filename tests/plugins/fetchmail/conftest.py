"""A directory with users, mail accounts and room for external accounts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from mailstead.machine.values import Path as SystemPath
from mailstead_fetchmail import following
from mailstead_mail_smtp.addresses import following as mail
from mailstead_mail_smtp.addresses.accounts import create_account
from mailstead_mail_smtp.addresses.tables import DOMAINS
from mailstead_users.directory import Directory
from mailstead_users.schemas import USERS, image
from mailstead_users.tables import users
from tests.plugins.contexts import SANDBOX

KEY = Fernet.generate_key()


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    """Give a directory: ada and bob, of whom ada has a mail account."""
    instance = attrs.evolve(SANDBOX, prefix=SystemPath(tmp_path))
    schemas = (*mail.schemas(), *following.schemas())
    for schema in (USERS, *schemas):
        path = Path(instance.path(schema.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image(schema))
    with Directory.open(instance, schemas) as made:
        with made.write() as connection:
            for name in ("ada", "bob"):
                values = {"uuid": name, "name": name, "password": "x"}
                connection.execute(users.insert().values(values))
            connection.execute(DOMAINS.insert(), [{"name": "example.org"}])
            create_account(connection, "ada", "ada@example.org")
        yield made


@pytest.fixture
def connection(directory: Directory) -> Iterator[sa.Connection]:
    """Give a transaction on it."""
    with directory.write() as made:
        yield made
