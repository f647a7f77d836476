"""Spam, viruses and unwanted attachments: Rspamd as a milter of Postfix, and ClamAV's clamd(8)."""

from __future__ import annotations

from collections.abc import Sequence

from mailstead.plugin import Context, Fact, Folder, Module, hookimpl
from mailstead_filter import places, postfix, trace
from mailstead_filter.daemons import checks, daemons
from mailstead_filter.facts import has_signatures, redis_version
from mailstead_filter.places import CLAMAV_USER, RSPAMD_USER
from mailstead_filter.render import templates
from mailstead_filter.rules import problems
from mailstead_filter.settings import SECTIONS
from mailstead_mail_smtp.hookspecs import MailFilter
from mailstead_mail_smtp.places import VMAIL

module = Module(
    sections=SECTIONS,
    files=templates(),
    folders=(
        Folder(places.CONFIG),
        Folder("/etc/dovecot/mailstead.d"),
        Folder("/etc/cron.d"),
        Folder("/etc/systemd/system"),
        Folder("/etc/systemd/system/rspamd.service.d"),
        Folder("/etc/systemd/system/clamav-daemon.service.d"),
        Folder("/run/clamav", owner=CLAMAV_USER, group=CLAMAV_USER),
        Folder(places.TEST_SIGNATURES),
        Folder(places.SIGNATURES, owner=CLAMAV_USER, group=CLAMAV_USER),
        Folder(places.CLAMD_LOG, owner=CLAMAV_USER, group=CLAMAV_USER),
        Folder(places.RUN, owner=RSPAMD_USER, group=RSPAMD_USER),
        Folder(places.STATE, mode=0o750, owner=RSPAMD_USER, group=RSPAMD_USER),
        Folder(places.LOG, mode=0o750, owner=RSPAMD_USER, group=RSPAMD_USER),
        Folder(places.REDIS_RUN, mode=0o700, owner=RSPAMD_USER, group=RSPAMD_USER),
        Folder(places.REDIS_STATE, mode=0o700, owner=RSPAMD_USER, group=RSPAMD_USER),
        Folder(places.COMPILED, mode=0o700, owner=VMAIL, group=VMAIL),
        Folder(places.DATA, mode=0o700),
        Folder(places.KEPT, mode=0o750, group=RSPAMD_USER),
    ),
    facts=(Fact("redis_version", redis_version), Fact("has_signatures", has_signatures)),
    daemons=daemons(),
    checks=checks,
    validate=problems,
)


@hookimpl
def mail_filters(context: Context) -> Sequence[MailFilter]:
    """Let an admin choose ``mailstead`` in `mail_smtp.filter`."""
    return (postfix.mail_filter(context),)


@hookimpl
def recipient_restrictions(context: Context) -> Sequence[str]:
    """Refuse recipients who get no mail."""
    return postfix.restrictions(context)


trace_restriction = hookimpl(trace.trace_restriction)
trace_steps = hookimpl(trace.trace_steps)
