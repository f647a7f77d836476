"""What to enter in a mail program, as this server is configured now.

The words are RFC 8314's and Thunderbird's: SSL/TLS is TLS from the first byte, STARTTLS begins in
the clear and goes on in TLS. The user name is the full address of the account, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from mailstead.plugin import Context
from mailstead_mail_retrieval.hooks import collect_client_services
from mailstead_mail_retrieval.ports import open_ports
from mailstead_mail_smtp.postfix.sockets import SMTP, offered
from mailstead_network.addresses import listen_addresses
from mailstead_network.names import fqdn

IMPLICIT, STARTTLS = "SSL/TLS", "STARTTLS"
AUTHENTICATION = "normal password"
NOTE = (
    "SSL/TLS means TLS from the first byte, STARTTLS means TLS that begins after a command. "
    "Programs that offer only SSL or TLS usually mean SSL/TLS by SSL and STARTTLS by TLS."
)
_ORDER = ("imap", "pop3", "smtp", "managesieve")


@attrs.frozen
class ClientService:
    """One way to send or read mail.

    Attributes:
        protocol: ``smtp``, ``imap``, ``pop3`` or ``managesieve``.
        server: host name, or address in a sandbox, whose names nobody can look up.
        security: ``SSL/TLS`` or ``STARTTLS``.
    """

    protocol: str
    server: str
    port: int
    security: str
    user: str = ""
    authentication: str = AUTHENTICATION


def client_services(context: Context, user: str) -> tuple[ClientService, ...]:
    """Give all ways that are open, for each protocol the better first."""
    found = [*_sending(context), *_reading(context), *collect_client_services(context)]
    found.sort(key=lambda item: (_ORDER.index(item.protocol), item.security != IMPLICIT))
    return tuple(attrs.evolve(item, user=user) for item in found)


def server_name(context: Context, service: str) -> str:
    """Give the name a client finds the server by."""
    if not context.instance.is_sandbox:
        return fqdn(context)
    return next(iter(listen_addresses(context, service)), fqdn(context))


def _sending(context: Context) -> Iterator[ClientService]:
    for name, standard in offered(context):
        if (name, standard) != SMTP:
            security = IMPLICIT if name == "submissions" else STARTTLS
            port = context.instance.port(name, standard)
            yield ClientService("smtp", server_name(context, name), port, security)


def _reading(context: Context) -> Iterator[ClientService]:
    for item in open_ports(context):
        security = IMPLICIT if item.service.endswith("s") else STARTTLS
        server = server_name(context, item.service)
        yield ClientService(item.service.removesuffix("s"), server, item.port, security)
