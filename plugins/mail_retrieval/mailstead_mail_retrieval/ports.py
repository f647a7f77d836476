"""The ports Dovecot listens on; one that is switched off is port 0."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from mailstead.plugin import Context, Listen
from mailstead_mail_retrieval.hooks import collect_listeners
from mailstead_mail_retrieval.settings import Services
from mailstead_network.addresses import listen_addresses

STANDARD = {"pop3": 110, "pop3s": 995, "imap": 143, "imaps": 993}


@attrs.frozen
class Port:
    """One inet_listener; ``addresses`` is empty for all of the machine's."""

    service: str
    port: int
    addresses: tuple[str, ...]


def find_ports(context: Context) -> Mapping[str, Port]:
    """Give the listeners by service name."""
    return {name: _port(context, name, standard) for name, standard in STANDARD.items()}


def open_ports(context: Context) -> tuple[Port, ...]:
    """Give the listeners that are switched on."""
    return tuple(item for item in find_ports(context).values() if item.port)


def listens(context: Context) -> tuple[Listen, ...]:
    """Give the sockets Dovecot opens."""
    own = [(item.service, item.port, item.addresses) for item in open_ports(context)]
    others = [(it.service, it.port, tuple(it.addresses)) for it in collect_listeners(context)]
    return tuple(
        Listen(service, port, address)
        for service, port, addresses in (*own, *others)
        for address in addresses or ("",)
    )


def _port(context: Context, name: str, standard: int) -> Port:
    is_on = getattr(context.settings.form(Services), name)
    port = context.instance.port(name, standard) if is_on else 0
    return Port(name, port, listen_addresses(context, name))
