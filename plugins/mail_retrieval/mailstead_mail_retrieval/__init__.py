"""Users read their mail by IMAP and POP3 and log in to send it: dovecot(1), doveconf(1)."""

from __future__ import annotations

from mailstead.plugin import Context, Fact, Folder, Module, hookimpl
from mailstead_mail_retrieval.daemon import checks, daemon
from mailstead_mail_retrieval.render import find_version, templates
from mailstead_mail_retrieval.settings import Services
from mailstead_mail_smtp.hookspecs import Parameter
from mailstead_users.places import FOLDER

module = Module(
    sections=(Services,),
    files=templates(),
    folders=(
        Folder("/etc/dovecot"),
        Folder("/etc/dovecot/mailstead.d"),
        Folder("/var/lib/dovecot"),
        Folder("/run/dovecot"),
        Folder(FOLDER, mode=0o750, group="dovecot", files_mode=0o640),
    ),
    facts=(Fact("dovecot_version", find_version),),
    daemons=(daemon(),),
    checks=checks(),
)


@hookimpl
def postfix_parameters(context: Context) -> tuple[Parameter, ...]:  # noqa: ARG001 - the hook's
    """Postfix delivers by LMTP to Dovecot and asks it for logins: SASL_README."""
    return (
        Parameter("virtual_transport", "lmtp:unix:private/dovecot-lmtp"),
        Parameter("smtpd_sasl_type", "dovecot"),
        Parameter("smtpd_sasl_path", "private/auth"),
    )
