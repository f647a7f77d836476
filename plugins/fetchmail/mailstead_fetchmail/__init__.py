"""Fetch users' mail from their accounts on other servers: fetchmail(1)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import attrs

from mailstead.plugin import (
    Backup,
    Context,
    Fact,
    Folder,
    Generated,
    Machine,
    Module,
    Template,
    hookimpl,
    resident,
)
from mailstead_fetchmail import places, render, sealing
from mailstead_fetchmail.settings import Options


def prepare(context: Context, machine: Machine) -> None:
    """Make the database where it is missing."""
    import_module("mailstead_users.opening").prepare_directory(context, machine)


module = Module(
    sections=(Options,),
    files=(Template(places.UNIT, render.unit, variables=render.unit_variables, drop_in=True),),
    generated=(Generated(places.KEY, sealing.make_key),),
    folders=(
        Folder(places.FOLDER, mode=0o711),
        Folder(places.STATE, mode=0o700, owner=places.USER, group="nogroup"),
        Folder("/run/mailstead"),
        Folder("/etc/systemd/system"),
    ),
    daemons=(
        attrs.evolve(
            resident("fetchmail", "external", "follow", reads=(places.UNIT,)),
            runs_when=render.is_on,
        ),
    ),
    checks=render.checks,
    facts=(Fact(render.IDS, lambda machine: machine.user(places.USER)),),
    prepare=prepare,
    backups=(Backup(places.DATABASE, "sqlite", counts=("external_accounts",)),),
)


def _follow(name: str) -> Any:
    # A late import: SQLAlchemy is loaded only when users are changed.
    def call(change: Any) -> Any:
        return getattr(import_module("mailstead_fetchmail.following"), name)(change)

    return hookimpl(call)


user_warnings = _follow("warn")
user_deleting = _follow("follow_deleting")


@hookimpl
def directory_schemas() -> Any:
    """External accounts lie in a file of their own, for root alone."""
    return import_module("mailstead_fetchmail.following").schemas()
