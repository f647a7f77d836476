"""Which addresses services listen on."""

from __future__ import annotations

from mailstead.plugin import Context
from mailstead_network.settings import ServiceAddresses


def listen_addresses(context: Context, service: str) -> tuple[str, ...]:
    """Give the addresses a service listens on; none means all of the machine's."""
    row = context.settings.row(ServiceAddresses, service)
    return row.addresses if row is not None else context.instance.addresses


def has_ipv6(context: Context) -> bool:
    """Tell whether IPv6 is to be used: some interface has such an address."""
    interfaces = context.facts.get("interfaces", {})
    return any(":" in address for found in interfaces.values() for address in found)


def probe_address(context: Context, service: str) -> str:
    """Give an address at which this machine itself reaches a service."""
    return next(iter(listen_addresses(context, service)), "127.0.0.1")
