"""The directory: immediate data in SQL, by SQLAlchemy Core. SQLite files unless told otherwise.

Each schema is a file of its own, readable by the group of one daemon: Postfix cannot read
password hashes. One connection sees them all, so one transaction changes them together; on a
server such as PostgreSQL they would be real schemas and the same statements work.

Daemons read without the right to write, so the files of the write-ahead log must outlive the
last writer: a connection that keeps them is closed last (sqlite.org/wal.html, section 9).
A power cut between the commits of two files can leave one ahead: then a login has no recipient
or the other way round, which repeating the command repairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import apsw
import attrs
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from mailstead.plugin import Context, Machine, MachineError, Path
from mailstead_users import apsw_driver, tables
from mailstead_users.hooks import directory_schemas
from mailstead_users.places import DATABASE

MODE = 0o640


@attrs.frozen
class SchemaFile:
    """A schema another module keeps in the directory.

    Attributes:
        name: SQL schema of its tables (``schema=`` in SQLAlchemy).
        path: system path of its SQLite file; the folder must be declared by the module.
        metadata: its tables.
        version: of the tables; a directory with a newer one is refused.
    """

    name: str
    path: str
    metadata: sa.MetaData
    version: int = 1


@attrs.define
class Directory:
    """An open directory. Use it in one thread, and close it."""

    engine: sa.Engine
    _resources: ExitStack

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Do all or nothing in one transaction over all schemas. Raises MachineError."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except sa.exc.OperationalError as error:
            hint = "try again"
            raise MachineError(str(error.orig), where="directory", hint=hint) from error

    def close(self) -> None:
        """Close all files; the write-ahead logs stay for readers."""
        self._resources.close()

    def __enter__(self) -> Directory:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def open_directory(context: Context) -> Directory:
    """Open the directory with the schemas of all enabled modules. Raises MachineError."""
    return open_files(context.path(DATABASE), _attached(context))


def open_files(main: Path, attached: Sequence[tuple[str, Path]]) -> Directory:
    """Open the directory in a file, with further schemas in files of their own."""
    from mailstead.machine.rows import open_persistent

    resources = ExitStack()
    try:
        for _, path in attached:
            # Closed last, because the stack is closed backwards: it keeps the file's log.
            resources.enter_context(closing(open_persistent(path)))
        connection = resources.enter_context(closing(open_persistent(main)))
        _attach(connection, attached)
        engine = sa.create_engine(
            "sqlite://",
            module=apsw_driver,
            creator=lambda: apsw_driver.Connection(connection),
            poolclass=StaticPool,
        )
        sa.event.listen(engine, "begin", _begin)
        resources.callback(engine.dispose)
    except BaseException:
        resources.close()
        raise
    return Directory(engine, resources)


def prepare_databases(context: Context, machine: Machine) -> None:
    """Make the files and tables of all schemas that are not there. Raises MachineError."""
    schemas = (SchemaFile("main", DATABASE, tables.METADATA, tables.VERSION), *_schemas(context))
    for schema in schemas:
        _make_file(context.path(schema.path), machine)
    with open_directory(context) as directory, directory.begin() as connection:
        for schema in schemas:
            schema.metadata.create_all(connection)
            _note_version(connection, schema)


def _make_file(path: Path, machine: Machine) -> None:
    if machine.stat_file(path) is None:
        folder = machine.stat_file(path.parent)
        gid = folder.gid if folder else 0
        machine.replace_file(path, b"", mode=MODE, uid=0, gid=gid)


def _note_version(connection: sa.Connection, schema: SchemaFile) -> None:
    versions = tables.SCHEMA_VERSION
    select = sa.select(versions.c.version).where(versions.c.name == schema.name)
    found = connection.execute(select).scalar()
    if found is None:
        values = {"name": schema.name, "version": schema.version}
        connection.execute(versions.insert().values(values))
    elif found > schema.version:
        hint = "install the Mailstead that wrote it, or a newer one"
        problem = f"schema {schema.name} has version {found}, this Mailstead knows {schema.version}"
        raise MachineError(problem, where="directory", hint=hint)


def _schemas(context: Context) -> tuple[SchemaFile, ...]:
    return directory_schemas(context)


def _attached(context: Context) -> tuple[tuple[str, Path], ...]:
    return tuple((item.name, context.path(item.path)) for item in _schemas(context))


def _attach(connection: apsw.Connection, attached: Sequence[tuple[str, Path]]) -> None:
    for name, path in attached:
        if not name.isidentifier():
            raise ValueError(f"{name!r} is not a schema name")
        connection.execute(f"ATTACH DATABASE ? AS {name}", (str(path),))
        connection.execute(f"PRAGMA {name}.synchronous = FULL")


def _begin(connection: Any) -> None:
    # IMMEDIATE, because a transaction that reads first could not be made a writer later.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
