"""What an object's members are in the form Postfix takes: `mynetworks` in postconf(5)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from mailstead.plugin import Context, types
from mailstead_network.settings import Members

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def object_networks(context: Context, object_name: str) -> tuple[str, ...]:
    """Give an object's members as networks; IPv6 as ``[address]/length``."""
    return tuple(_postfix_form(item) for item in networks_of(context, object_name))


def networks_of(context: Context, object_name: str) -> Iterator[Network]:
    """Give an object's members as networks, ranges split into the fewest that cover them."""
    for member in context.settings.rows(Members, object_name):
        version, first, last = types.address_span(member.address)
        kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address  # noqa: PLR2004
        yield from ipaddress.summarize_address_range(kind(first), kind(last))


def _postfix_form(network: Network) -> str:
    if network.version == 6:  # noqa: PLR2004 - IPv6
        return f"[{network.network_address}]/{network.prefixlen}"
    one = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if one else str(network)
