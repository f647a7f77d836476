"""The master.cf services that mail_smtp itself gives: master(5)."""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Context, Listen
from mailstead_mail_smtp.hookspecs import Service
from mailstead_mail_smtp.postfix.copies import copy_services
from mailstead_mail_smtp.postfix.filters import filter_listens, filter_services
from mailstead_mail_smtp.postfix.passes import place
from mailstead_mail_smtp.postfix.sockets import offered_listens, own_listens
from mailstead_mail_smtp.settings import Authentication

# name, private, unprivileged, wakeup, maxproc, command; chroot is "n" everywhere.
PLUMBING = """\
pickup n - 60 1 pickup
cleanup n - - 0 cleanup
qmgr n - 300 1 qmgr
tlsmgr - - 1000? 1 tlsmgr
rewrite - - - - trivial-rewrite
bounce - - - 0 bounce
defer - - - 0 bounce
trace - - - 0 bounce
verify - - - 1 verify
flush n - 1000? 0 flush
proxymap - - - - proxymap
proxywrite - - - 1 proxymap
smtp - - - - smtp
relay - - - - smtp
showq n - - - showq
error - - - - error
retry - - - - error
discard - - - - discard
local - n - - local
virtual - n - - virtual
lmtp - - - - lmtp
anvil - - - 1 anvil
scache - - - 1 scache"""

LOGIN = {"smtpd_sasl_auth_enable": "yes", "smtpd_helo_restrictions": ""}
LOGIN_ONLY = {
    "smtpd_sender_restrictions": "reject_sender_login_mismatch",
    "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
}
LOGIN_OR_AS_ON_25 = {
    "smtpd_sender_restrictions": "reject_authenticated_sender_login_mismatch",
    "smtpd_relay_restrictions": (
        "permit_sasl_authenticated, permit_mynetworks, reject_unauth_destination"
    ),
}


def own_services(context: Context) -> tuple[Service, ...]:
    """Give the services: SMTP, submission where there is somebody to ask, and the plumbing."""
    own = (*_network_services(context), *_plumbing())
    return (*own, *filter_services(context), *copy_services(context))


def listens(context: Context) -> tuple[Listen, ...]:
    """Give the sockets Postfix opens."""
    return (*own_listens(context), *filter_listens(context))


def _network_services(context: Context) -> Iterator[Service]:
    for socket in offered_listens(context):
        options = _options(context, socket.service)
        yield Service(place(socket), "inet", "smtpd", private="n", options=options)


def _options(context: Context, service: str) -> dict[str, str]:
    if service == "smtp":
        return {}
    form = context.settings.form(Authentication)
    tls = {"smtpd_tls_wrappermode": "yes"}
    if service == "submission":
        tls = {"smtpd_tls_security_level": "encrypt" if form.require_tls else "may"}
    admitted = LOGIN_ONLY if form.require_authentication else LOGIN_OR_AS_ON_25
    return {"syslog_name": f"postfix/{service}", **tls, **LOGIN, **admitted}


def _plumbing() -> Iterator[Service]:
    for line in PLUMBING.splitlines():
        name, private, unpriv, wakeup, maxproc, command = line.split()
        yield Service(
            name, "unix", command, private=private, unpriv=unpriv, wakeup=wakeup, maxproc=maxproc
        )
    yield Service("postlog", "unix-dgram", "postlogd", private="n", maxproc="1")
