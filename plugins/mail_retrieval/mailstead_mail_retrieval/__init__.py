"""Users read their mail by IMAP and POP3 and log in to send it: dovecot(1), doveconf(1)."""

from __future__ import annotations

from mailstead.plugin import Context, Fact, Folder, Module, hookimpl
from mailstead_mail_retrieval import sessions, trace
from mailstead_mail_retrieval.daemon import checks, daemon
from mailstead_mail_retrieval.expiry import LOGS
from mailstead_mail_retrieval.hookspecs import Hooks
from mailstead_mail_retrieval.render import find_version, templates
from mailstead_mail_retrieval.room import ASK
from mailstead_mail_retrieval.settings import Expiration, Mailboxes, Services
from mailstead_mail_smtp.hookspecs import Parameter
from mailstead_users.places import FOLDER

module = Module(
    sections=(Services, Mailboxes, Expiration),
    files=templates(),
    folders=(
        Folder("/etc/dovecot"),
        Folder("/etc/dovecot/mailstead.d"),
        Folder("/var/lib/dovecot"),
        Folder("/run/dovecot"),
        Folder("/etc/cron.d"),
        Folder(LOGS, mode=0o700),
        Folder(FOLDER, mode=0o750, group="dovecot", files_mode=0o640),
    ),
    facts=(Fact("dovecot_version", find_version),),
    daemons=(daemon(),),
    checks=checks(),
    hookspecs=(Hooks,),
)

QUOTA_STATUS = "check_policy_service { unix:private/quota-status, default_action=DUNNO }"


@hookimpl
def postfix_parameters(context: Context) -> tuple[Parameter, ...]:  # noqa: ARG001 - the hook's
    """Postfix delivers by LMTP to Dovecot and asks it for logins: SASL_README."""
    return (
        Parameter("virtual_transport", "lmtp:unix:private/dovecot-lmtp"),
        Parameter("lmtp_destination_concurrency_limit", "5", "more would wait for each other"),
        Parameter("smtpd_sasl_type", "dovecot"),
        Parameter("smtpd_sasl_path", "private/auth"),
        Parameter("smtpd_restriction_classes", ASK),
        Parameter(ASK, QUOTA_STATUS, "while nobody answers, mail is taken"),
    )


@hookimpl
def mailbox_restrictions(context: Context) -> tuple[str, ...]:  # noqa: ARG001 - the hook's
    """Postfix asks Dovecot whether a mailbox is full, unless it is known to have room."""
    return ("check_recipient_access sqlite:$config_directory/sqlite/room.cf",)


sessions_end = hookimpl(sessions.sessions_end)
trace_restriction = hookimpl(trace.trace_restriction)
trace_steps = hookimpl(trace.trace_steps)
