"""The directory: one connection and one transaction over all of its schemas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DatabaseError, OperationalError

from mailstead.plugin import Instance, MachineError
from mailstead_users.schemas import USERS, SchemaFile
from mailstead_users.sqlite import open_files, options_for


@attrs.frozen
class Directory:
    """Users, groups, logins and what modules keep about them. Not shared between threads."""

    instance: Instance
    schemas: tuple[SchemaFile, ...]
    engine: Engine

    @classmethod
    def open(cls, instance: Instance, schemas: Sequence[SchemaFile] = ()) -> Directory:
        """Open the directory with further schemas. Raises MachineError."""
        found = (USERS, *schemas)
        engine = open_files({item.name: instance.path(item.path) for item in found})
        directory = cls(instance, found, engine)
        try:
            directory._verify_versions()
        except BaseException:
            engine.dispose()
            raise
        return directory

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the directory."""
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes are committed at the end, or undone by an error."""
        with self._transaction(write=True) as connection:
            yield connection

    def close(self) -> None:
        """Close; the files stay readable for those who may not write."""
        self.engine.dispose()

    def __enter__(self) -> Directory:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Connection]:
        engine = self.engine.execution_options(**options_for(write=write))
        try:
            with engine.begin() as connection:
                yield connection
        except OperationalError as error:
            where = str(self.instance.path(USERS.path))
            raise MachineError(str(error.orig), where=where, hint="try again") from error

    def _verify_versions(self) -> None:
        with self.read() as connection:
            for schema in self.schemas:
                _verify_version(connection, schema, str(self.instance.path(schema.path)))


def _verify_version(connection: Connection, schema: SchemaFile, where: str) -> None:
    try:
        version = connection.execute(select(schema.version_table)).scalar_one_or_none()
    except DatabaseError as error:
        raise MachineError("is not a directory of Mailstead", where=where) from error
    if version is None or version > schema.version:
        problem = f"was written by a newer Mailstead (format {version})"
        raise MachineError(problem, where=where, hint="upgrade Mailstead, or restore a backup")
