"""Users' own rules for their mail: Pigeonhole, RFC 5228 (Sieve) and RFC 5804 (ManageSieve)."""

from __future__ import annotations

from mailstead.plugin import Backup, Folder, Module, hookimpl
from mailstead_mail_smtp.places import VMAIL
from mailstead_sieve import backups, forwarding, managesieve, trace
from mailstead_sieve.places import BACKUP, BACKUPS, CHECKING, COMPILED
from mailstead_sieve.render import checks, templates
from mailstead_sieve.settings import Limits, Options, problems

module = Module(
    sections=(Options, Limits),
    files=templates(),
    # Delivery compiles the rules that come first, as the owner of the mailboxes.
    folders=(
        Folder(COMPILED, mode=0o700, owner=VMAIL, group=VMAIL),
        Folder(CHECKING, mode=0o711),
        Folder(BACKUPS, mode=0o700),
    ),
    checks=checks(),
    validate=problems,
    prepare=backups.prepare,
    backups=(
        Backup(
            BACKUP,
            "sqlite",
            counts=("scripts",),
            refresh=backups.refresh,
            restored=backups.restored,
        ),
    ),
)

postfix_services = hookimpl(forwarding.postfix_services)
client_services = hookimpl(managesieve.client_services)
dovecot_listeners = hookimpl(managesieve.dovecot_listeners)
trace_steps = hookimpl(trace.trace_steps)
