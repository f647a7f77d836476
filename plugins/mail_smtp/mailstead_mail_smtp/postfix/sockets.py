"""Where Postfix listens, but for what a mail filter gives back: master(5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from mailstead.plugin import Context, Listen
from mailstead_mail_smtp.hooks import collect_parameters, collect_services
from mailstead_mail_smtp.postfix.copies import copy_listens
from mailstead_network.addresses import listen_addresses
from mailstead_network.names import find_fqdn

SMTP, SUBMISSION, SUBMISSIONS = ("smtp", 25), ("submission", 587), ("submissions", 465)
SASL = "smtpd_sasl_type"


def own_listens(context: Context) -> tuple[Listen, ...]:
    """Give the sockets for everybody, for copies, and those of other modules."""
    return (
        *offered_listens(context), *copy_listens(context), *_contributed_listens(context)
    )  # fmt: skip


def offered_listens(context: Context) -> tuple[Listen, ...]:
    """Give the sockets of the services that are offered."""
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
    return is_one_of(context, own_listens(context), host, port)


def is_one_of(context: Context, listens: Sequence[Listen], host: str, port: int) -> bool:
    """Tell whether a name or address with a port is one of this machine's sockets."""
    names = {host, *({"127.0.0.1", "::1"} if host == "localhost" else ())}
    found = {item.address for item in listens if item.port == port}
    everywhere = "" in found
    if everywhere:
        interfaces = context.facts.get("interfaces", {})
        found.update(address for given in interfaces.values() for address in given)
    is_here = host == find_fqdn(context) or (everywhere and _is_near(host))
    return bool(found) and (is_here or not found.isdisjoint(names))


def has_authentication(context: Context) -> bool:
    """Tell whether some module gives Postfix a way to authenticate users."""
    found = collect_parameters(context)
    return any(item.name == SASL for _, parameters in found for item in parameters)


def _contributed_listens(context: Context) -> Iterator[Listen]:
    services = (item for _, given in collect_services(context) for item in given)
    for service in services:
        address, _, port = service.name.rpartition(":")
        if service.type == "inet" and port.isdigit():
            title = service.options.get("syslog_name", service.name)
            yield Listen(title, int(port), address.strip("[]"))


def _is_near(host: str) -> bool:
    """Tell whether an address means this machine on any machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
