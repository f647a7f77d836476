"""One typed function for each hook of mail_retrieval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailstead.plugin import Context
from mailstead_mail_retrieval.hookspecs import Listener

if TYPE_CHECKING:
    from mailstead_mail_retrieval.clients import ClientService


def collect_client_services(context: Context) -> tuple[ClientService, ...]:
    """Ask the other modules for services that a user's programs can use."""
    found = context.collect("client_services", context=context)
    return tuple(item for _, given in found for item in given)


def collect_listeners(context: Context) -> tuple[Listener, ...]:
    """Ask the other modules for ports that Dovecot opens for them."""
    found = context.collect("dovecot_listeners", context=context)
    return tuple(item for _, given in found for item in given)
