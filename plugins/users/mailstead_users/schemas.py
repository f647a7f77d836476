"""The directory's files as schemas: what a module contributes, and how a new file is made."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from sqlalchemy import Column, Connection, Integer, MetaData, Table, insert

from mailstead.plugin import Context, Machine, MachineError, Path
from mailstead_users import tables
from mailstead_users.places import DATABASE
from mailstead_users.sqlite import make_image

MAIN = "main"
FILE_MODE = 0o640


@attrs.frozen
class SchemaFile:
    """An SQL schema of the directory, in a file of its own, because rights are a file's.

    Attributes:
        name: the schema's name; tables of ``metadata`` are declared with it.
        path: system path of the SQLite file; its folder must exist and gives it its group.
        metadata: its tables.
        version: of its tables; a file with a higher one is refused.
    """

    name: str = attrs.field(validator=attrs.validators.matches_re(r"[a-z][a-z_]*"))
    path: str
    metadata: MetaData
    version: int = 1

    @property
    def sql_schema(self) -> str | None:
        """Give the schema as SQLAlchemy names it."""
        return None if self.name == MAIN else self.name

    @property
    def version_table(self) -> Table:
        """Give the table that holds the version of the others."""
        column = Column("version", Integer, primary_key=True, autoincrement=False)
        return Table("schema_version", MetaData(), column, schema=self.sql_schema)


USERS = SchemaFile(MAIN, DATABASE, tables.metadata, tables.VERSION)


def make_files(context: Context, machine: Machine, schemas: Sequence[SchemaFile]) -> None:
    """Make the files that are missing, whole and with owner and mode before their content."""
    for schema in schemas:
        path = context.path(schema.path)
        if machine.stat_file(path) is None:
            _make_file(machine, path, schema)


def image(schema: SchemaFile) -> bytes:
    """Give the content of a new file: its tables without rows."""

    def fill(connection: Connection) -> None:
        schema.metadata.create_all(connection)
        schema.version_table.create(connection)
        connection.execute(insert(schema.version_table).values(version=schema.version))

    return make_image(schema.name, fill)


def _make_file(machine: Machine, path: Path, schema: SchemaFile) -> None:
    folder = machine.stat_file(path.parent)
    if folder is None or folder.kind != "directory":
        raise MachineError("the folder of the directory does not exist", where=str(path.parent))
    machine.replace_file(path, image(schema), mode=FILE_MODE, uid=folder.uid, gid=folder.gid)
