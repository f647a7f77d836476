"""Open or make the directory with the schemas that other modules contribute."""

from __future__ import annotations

from mailstead.plugin import Context, Machine
from mailstead_users.directory import Directory
from mailstead_users.hooks import collect_schemas
from mailstead_users.schemas import USERS, make_files


def open_directory(context: Context) -> Directory:
    """Open the directory of an instance; the caller closes it. Raises MachineError."""
    return Directory.open(context.instance, collect_schemas(context))


def prepare_directory(context: Context, machine: Machine) -> None:
    """Make the databases that are missing; safe to repeat.

    A module that contributes a schema calls it from its own ``prepare``, since users may have
    been enabled long before. Raises MachineError.
    """
    make_files(context, machine, (USERS, *collect_schemas(context)))
