"""The master.cf services that mail_smtp itself gives, and where they listen: master(5)."""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Context, Listen
from mailstead_mail_smtp.hooks import collect_parameters, collect_services
from mailstead_mail_smtp.hookspecs import Service
from mailstead_mail_smtp.postfix.copies import copy_listens, copy_services
from mailstead_mail_smtp.postfix.filters import filter_listens, filter_services
from mailstead_mail_smtp.postfix.passes import place
from mailstead_mail_smtp.settings import Authentication
from mailstead_network.addresses import listen_addresses
from mailstead_network.names import find_fqdn

SMTP, SUBMISSION, SUBMISSIONS = ("smtp", 25), ("submission", 587), ("submissions", 465)
SASL = "smtpd_sasl_type"
NOWHERE = "nowhere"  # where a sandbox without an outside sends mail for others

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
    own = (*_network_services(context), *_plumbing(), *_nowhere(context))
    return (*own, *filter_services(context), *copy_services(context))


def listens(context: Context) -> tuple[Listen, ...]:
    """Give the sockets Postfix opens."""
    return (
        *_offered_listens(context), *filter_listens(context), *copy_listens(context),
        *_contributed_listens(context),
    )  # fmt: skip


def _contributed_listens(context: Context) -> Iterator[Listen]:
    services = (item for _, given in collect_services(context) for item in given)
    for service in services:
        address, _, port = service.name.rpartition(":")
        if service.type == "inet" and port.isdigit():
            title = service.options.get("syslog_name", service.name)
            yield Listen(title, int(port), address.strip("[]"))


def _offered_listens(context: Context) -> tuple[Listen, ...]:
    return tuple(
        Listen(name, context.instance.port(name, standard), address)
        for name, standard in offered(context)
        for address in listen_addresses(context, name) or ("",)
    )


def offered(context: Context) -> tuple[tuple[str, int], ...]:
    """Give names and standard ports of the services that are offered.

    Without a module that gives authentication there is nobody submission could admit.
    """
    return (SMTP, SUBMISSION, SUBMISSIONS) if has_authentication(context) else (SMTP,)


def is_own_socket(context: Context, host: str, port: int) -> bool:
    """Tell whether a name or address with a port is Postfix itself, to whom mail is not sent on."""
    names = {host, *({"127.0.0.1", "::1"} if host == "localhost" else ())}
    found = {item.address for item in _offered_listens(context) if item.port == port}
    if "" in found:
        interfaces = context.facts.get("interfaces", {})
        found.update(address for given in interfaces.values() for address in given)
    return bool(found) and (host == find_fqdn(context) or not found.isdisjoint(names))


def has_authentication(context: Context) -> bool:
    """Tell whether some module gives Postfix a way to authenticate users."""
    found = collect_parameters(context)
    return any(item.name == SASL for _, parameters in found for item in parameters)


def _network_services(context: Context) -> Iterator[Service]:
    for socket in _offered_listens(context):
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


def _nowhere(context: Context) -> Iterator[Service]:
    # error(8) under a name of its own: smtpd(8) refuses senders whose domain is sent to "error".
    if context.instance.is_sandbox and not context.instance.outside:
        yield Service(NOWHERE, "unix", "error")


def _plumbing() -> Iterator[Service]:
    for line in PLUMBING.splitlines():
        name, private, unpriv, wakeup, maxproc, command = line.split()
        yield Service(
            name, "unix", command, private=private, unpriv=unpriv, wakeup=wakeup, maxproc=maxproc
        )
    yield Service("postlog", "unix-dgram", "postlogd", private="n", maxproc="1")
