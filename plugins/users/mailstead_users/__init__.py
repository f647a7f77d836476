"""Keep users, groups and logins in the directory, which daemons read by SQL."""

from __future__ import annotations

from mailstead.plugin import Backup, Context, Folder, Machine, Module
from mailstead_users.hookspecs import UserHooks
from mailstead_users.places import DATABASE, FOLDER
from mailstead_users.settings import PasswordPolicy


def prepare(context: Context, machine: Machine) -> None:
    """Make the directory's databases where they are missing."""
    from mailstead_users.opening import prepare_directory

    prepare_directory(context, machine)


module = Module(
    sections=(PasswordPolicy,),
    folders=(Folder(FOLDER, mode=0o750),),
    prepare=prepare,
    hookspecs=(UserHooks,),
    backups=(Backup(DATABASE, "sqlite", counts=("users", "groups")),),
)
