"""The way of a copy for a domain's catch-all: a second pass that does not know DSN.

A blind copy that cleanup(8) adds carries NOTIFY=NEVER, and nobody would hear that it bounced. So
the copies of a domain's mail, sent and received, are addressed to the domain's name below
`COPIES`, and go by smtp(8) to a port of our own that does not offer DSN (RFC 3461): what is taken
there is told to its sender when it bounces, as SMTP has it without DSN. There the address becomes
the catch-all, in a cleanup(8) that makes no copies, so that copies cannot go round.

The port takes mail from this machine for domains that have a catch-all, nothing else. A copy that
waits while the catch-all is taken away goes on waiting, for a save may be undone.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Context, Listen
from mailstead_mail_smtp.addresses.lookups import COPIES, COPY_ROUTES
from mailstead_mail_smtp.hookspecs import Parameter, Service
from mailstead_mail_smtp.places import lookup
from mailstead_mail_smtp.postfix.passes import (
    SEND,
    filtered_before,
    near,
    network,
    place,
    take_from,
)
from mailstead_mail_smtp.settings import Domains

PORT = ("copies", 10027)
TRANSPORT, CLEANUP = "copies", "copies-cleanup"
AT_ONCE = "1000"  # copies in one session, as many as smtpd(8) takes: there the same become one
NO_CATCH_ALL = "450 4.2.1 this domain has no catch-all now"
HAS_ONE = f"pipemap:{{{lookup('copies')}, static:OK}}"


def has_catch_all(context: Context) -> bool:
    """Tell whether mail of any domain is copied: else Postfix does not ask with each message."""
    return context.settings.is_used(Domains, "catch_all")


def copy_listens(context: Context) -> tuple[Listen, ...]:
    """Give the socket that takes copies."""
    return (Listen(PORT[0], context.instance.port(*PORT), near(context)),)


def copy_parameters(context: Context) -> Iterator[Parameter]:
    """Give the parameters that send copies on their way."""
    (socket,) = copy_listens(context)
    there = f"{TRANSPORT}:[{socket.address}]:{socket.port}"
    yield Parameter("transport_maps", f"inline:{{.{COPIES}={there}}}", "copies for catch-alls")
    yield Parameter(f"{TRANSPORT}_destination_recipient_limit", AT_ONCE)


def copy_services(context: Context) -> Iterator[Service]:
    """Give the services: smtp(8), smtpd(8), cleanup(8)."""
    (socket,) = copy_listens(context)
    bind = "smtp_bind_address6" if ":" in socket.address else "smtp_bind_address"
    yield Service(TRANSPORT, "unix", "smtp", options={**SEND, bind: socket.address})
    options = _take(network(socket.address))
    yield Service(place(socket), "inet", "smtpd", private="n", options=options)
    yield Service(CLEANUP, "unix", "cleanup", private="n", maxproc="0", options=ARRIVE)


def _take(host: str) -> dict[str, str]:
    recipients = (
        f"check_recipient_access {HAS_ONE}",
        f"check_recipient_access inline:{{{{.{COPIES} = {NO_CATCH_ALL}}}}}",
        "reject",
    )
    return {
        **take_from(host, "copies"),
        **filtered_before(host),
        "smtpd_recipient_restrictions": ", ".join(recipients),
        "smtpd_discard_ehlo_keywords": "chunking, dsn, silent-discard",
        "parent_domain_matches_subdomains": "",  # else each domain below one would be taken
        "smtpd_reject_unlisted_recipient": "no",
        "smtpd_data_restrictions": "",
        "cleanup_service_name": CLEANUP,
    }


ARRIVE = {
    "virtual_alias_maps": ", ".join(map(lookup, COPY_ROUTES)),
    "sender_bcc_maps": "",
    "recipient_bcc_maps": "",
    "always_bcc": "",
    "message_size_limit": "0",
}
