"""Mail transport with Postfix: postconf(5), master(5), sqlite_table(5)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mailstead.plugin import Account, Context, Fact, Generated, Machine, Module, hookimpl
from mailstead_mail_smtp import places, tls
from mailstead_mail_smtp.backups import backups
from mailstead_mail_smtp.hookspecs import Hooks
from mailstead_mail_smtp.postfix import logfile
from mailstead_mail_smtp.postfix.daemon import checks, daemon
from mailstead_mail_smtp.postfix.filters import notes
from mailstead_mail_smtp.postfix.render import templates
from mailstead_mail_smtp.publish import publications
from mailstead_mail_smtp.rules import problems
from mailstead_mail_smtp.settings import SECTIONS


def prepare(context: Context, machine: Machine) -> None:
    """Make the database Postfix looks up domains and accounts in, and its log."""
    import_module("mailstead_users.opening").prepare_directory(context, machine)
    logfile.prepare(context, machine)


module = Module(
    sections=SECTIONS,
    files=templates(),
    generated=(Generated(tls.MADE, tls.make),),
    folders=places.folders(),
    accounts=(Account(places.VMAIL, "owns the mailboxes", home=places.MAILDIRS),),
    facts=(Fact("vmail_ids", lambda machine: machine.user(places.VMAIL)),),
    publications=publications(),
    daemons=(daemon(),),
    checks=checks,
    validate=problems,
    notes=notes,
    prepare=prepare,
    hookspecs=(Hooks,),
    backups=backups(),
)


def _follow(name: str) -> Any:
    # A late import: SQLAlchemy is loaded only when users are changed.
    def call(change: Any) -> Any:
        return getattr(import_module("mailstead_mail_smtp.addresses.following"), name)(change)

    return hookimpl(call)


user_created = _follow("follow_created")
user_warnings = _follow("warn")
user_deleting = _follow("follow_deleted")
group_changed = _follow("follow_group")
group_warnings = _follow("warn_of_group")
group_deleted = _follow("follow_group_deleted")


@hookimpl
def directory_schemas() -> Any:
    """Mail domains and accounts lie in a file of their own, for Postfix."""
    return import_module("mailstead_mail_smtp.addresses.following").schemas()
