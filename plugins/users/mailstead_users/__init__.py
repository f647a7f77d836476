"""Users, groups and passwords, in a directory that daemons read by SQL. Runs no daemon."""

from __future__ import annotations

from mailstead.plugin import Context, Folder, Machine, Module
from mailstead_users.hookspecs import DirectoryHooks, UserHooks
from mailstead_users.places import FOLDER
from mailstead_users.settings import PasswordPolicy


def prepare(context: Context, machine: Machine) -> None:
    """Make the directory's database, or bring an older one up to date."""
    from mailstead_users.directory import prepare_databases

    prepare_databases(context, machine)


module = Module(
    sections=[PasswordPolicy],
    folders=[Folder(FOLDER, mode=0o750)],
    hookspecs=[DirectoryHooks, UserHooks],
    prepare=prepare,
)
