"""A directory in a temporary folder, with a second schema and hooks that tests choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path as HostPath
from typing import Any, cast

import attrs
from argon2 import PasswordHasher
from sqlalchemy import Column, Integer, MetaData, String, Table

from mailstead.context import Context
from mailstead.instance import Instance
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path
from mailstead.plugin import types
from mailstead_users.directory import Directory
from mailstead_users.groups import Groups
from mailstead_users.opening import open_directory, prepare_directory
from mailstead_users.passwords import Passwords
from mailstead_users.places import FOLDER
from mailstead_users.schemas import SchemaFile
from mailstead_users.users import Users

LOOKUP = "/var/lib/mailstead/lookup"
NOTES = Table(
    "notes",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("text", String, nullable=False, unique=True),
    schema="mail",
)
MAIL = SchemaFile("mail", f"{LOOKUP}/mail.db", NOTES.metadata)
CHEAP = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
PASSWORD = types.Secret("correct horse")


@attrs.define
class World:
    """What a test acts upon; ``hooks`` maps a hook's name to functions."""

    context: Context
    directory: Directory
    users: Users
    groups: Groups
    hooks: dict[str, list[Callable[..., Any]]]

    @property
    def database(self) -> HostPath:
        """Give the main file."""
        return HostPath(self.context.path(f"{FOLDER}/directory.db"))


@contextmanager
def world(folder: HostPath, schemas: Sequence[SchemaFile] = (MAIL,)) -> Iterator[World]:
    """Make a directory and open it."""
    hooks: dict[str, list[Callable[..., Any]]] = {"directory_schemas": [lambda: list(schemas)]}
    context = make_context(folder, hooks)
    for name in (FOLDER, LOOKUP):
        HostPath(context.path(name)).mkdir(parents=True, exist_ok=True)
    prepare_directory(context, RealMachine())
    with open_directory(context) as directory:
        users, groups = Users(directory, context, CHEAP), Groups(directory, context)
        yield World(context, directory, users, groups, hooks)


def make_context(folder: HostPath, hooks: dict[str, list[Callable[..., Any]]]) -> Context:
    """Make a context without settings."""

    def collect(hook: str, **arguments: Any) -> tuple[tuple[str, Any], ...]:
        found = enumerate(hooks.get(hook, ()))
        return tuple((f"module{number}", call(*arguments.values())) for number, call in found)

    instance = Instance(prefix=Path(folder), kind="sandbox")
    return Context(
        settings=cast("Any", None), instance=instance, facts={}, enabled=("users",), collect=collect
    )
