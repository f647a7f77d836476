"""Who may send mail anywhere without a password: `mynetworks` in postconf(5)."""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Context, Problem
from mailstead_mail_smtp.settings import RelayPolicy
from mailstead_network.objects import networks_of, object_networks

LOOPBACK = ("127.0.0.1/32", "[::1]/128")
WIDEST = {4: 8, 6: 16}  # shorter prefixes than these are "anyone", not an office


def mynetworks(context: Context) -> str:
    """Give the networks that may relay.

    In a sandbox loopback addresses play the outside, so none is trusted by itself.
    """
    own = () if context.instance.is_sandbox else LOOPBACK
    allowed = (net for name in _allowed(context) for net in object_networks(context, name))
    return ", ".join(dict.fromkeys((*own, *allowed)))


def problems(context: Context) -> Iterator[Problem]:
    """Give a problem for each allowed object that lets nearly anyone relay."""
    for name in _allowed(context, even_open=False):
        addresses = {4: 0, 6: 0}
        for network in networks_of(context, name):
            addresses[network.version] += network.num_addresses
        if any(addresses[version] > _limit(version) for version in WIDEST):
            yield Problem(
                f"mail_smtp.relay[{name}].object",
                f"the object {name} covers so many addresses that anyone could send in your name",
                "allow an object that holds only your own networks; open_relay=yes is for"
                " whoever wants an open relay, which others will soon refuse mail from",
            )


def _limit(version: int) -> int:
    return int(2 ** ((32 if version == 4 else 128) - WIDEST[version]))  # noqa: PLR2004 - IPv4


def _allowed(context: Context, *, even_open: bool = True) -> tuple[str, ...]:
    rows = context.settings.rows(RelayPolicy)
    return tuple(row.object for row in rows if row.allow and (even_open or not row.open_relay))
