"""Keep users, groups and logins in the directory, which daemons read by SQL."""

from __future__ import annotations

from mailstead.plugin import Context, Folder, Machine, Module
from mailstead_users.hookspecs import UserHooks
from mailstead_users.places import FOLDER
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
)
