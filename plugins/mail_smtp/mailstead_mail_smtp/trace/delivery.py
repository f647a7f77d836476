"""Where an accepted message goes: cleanup(8) expands, trivial-rewrite(8) routes, virtual(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from mailstead_mail_smtp.trace.addresses import Class, class_of, find_address
from mailstead_mail_smtp.trace.live import Found, Live

MOST = 1000  # addresses an expansion is followed to
TRANSPORTS: dict[Class, str] = {
    "local": "local_transport", "mailbox": "virtual_transport", "relay": "relay_transport",
    "elsewhere": "default_transport",
}  # fmt: skip


@attrs.frozen
class Delivery:
    """One address a message ends at.

    Attributes:
        address: after all aliases.
        kind: its class; ``mailbox`` is one of ours.
        transport: with the next hop, as ``transport:nexthop``.
        mailbox: folder below `virtual_mailbox_base`; empty elsewhere.
        behind: the setting that chose the transport.
        error: why it comes back, if it does.
    """

    address: str
    kind: Class
    transport: str
    mailbox: str = ""
    behind: str = ""
    error: str = ""


@attrs.frozen
class Expansion:
    """How one address became others; ``found`` is the map's answer."""

    address: str
    found: Found
    results: tuple[str, ...]


def expand(live: Live, address: str) -> tuple[tuple[Expansion, ...], tuple[str, ...]]:
    """Follow the aliases of an address; gives the steps, and where they end.

    An address that leads to itself is an end. Raises LookupFailed.
    """
    steps: list[Expansion] = []
    ends: dict[str, None] = {}
    waiting, seen = [address.lower()], {address.lower()}
    while waiting and len(seen) <= MOST:
        current = waiting.pop(0)
        found = find_address(live, "virtual_alias_maps", current, class_of(live, current))
        if found is None:
            ends[current] = None
            continue
        results = tuple(item.lower() for item in re.split(r"[,\s]+", found.value) if item)
        if results != (current,):
            steps.append(Expansion(current, found, results))
        if current in results:
            ends[current] = None
        waiting += [item for item in results if item not in seen]
        seen.update(results)
    return tuple(steps), tuple(ends)


def copies(live: Live, sender: str, recipient: str) -> Iterator[tuple[Found, str]]:
    """Give the blind copies that are made, with what asks for them. Raises LookupFailed."""
    for setting, address in (("sender_bcc_maps", sender), ("recipient_bcc_maps", recipient)):
        if address:
            found = find_address(live, setting, address, class_of(live, address))
            if found:
                yield found, found.value
    if live.value("always_bcc"):
        yield Found("always_bcc", "", live.value("always_bcc")), live.value("always_bcc")


def route(live: Live, sender: str, address: str) -> Delivery:
    """Give where an address is delivered. Raises LookupFailed."""
    kind = class_of(live, address)
    if kind == "alias":
        error = "5.1.1 User unknown in virtual alias table"
        return Delivery(address, kind, "error", behind="virtual_alias_domains", error=error)
    transport, behind = _transport(live, sender, address, kind)
    mailbox = ""
    if kind == "mailbox":
        found = find_address(live, "virtual_mailbox_maps", address, kind)
        if found is None:
            return Delivery(address, kind, transport, behind=behind, error="5.1.1 nobody has it")
        mailbox = found.value
    if transport.startswith(("error:", "nowhere:")):
        return Delivery(address, kind, transport, behind=behind, error=transport.partition(":")[2])
    return Delivery(address, kind, transport, mailbox, behind)


def _transport(live: Live, sender: str, address: str, kind: Class) -> tuple[str, str]:
    domain = address.rpartition("@")[2]
    mapped = _mapped(live, address, domain)
    if mapped:
        return mapped.value, f"transport_maps: {mapped}"
    setting = TRANSPORTS[kind]
    chosen = live.value(setting)
    if kind == "elsewhere":
        own = sender and find_address(
            live, "sender_dependent_default_transport_maps", sender, class_of(live, sender)
        )
        chosen = own.value if own else chosen
    name, _, hop = chosen.partition(":")
    if hop or kind not in ("elsewhere", "relay"):
        return chosen, setting
    smarthost = _smarthost(live, sender)
    return (f"{name}:{smarthost}", "relayhost") if smarthost else (f"{name}:{domain}", setting)


def _smarthost(live: Live, sender: str) -> str:
    found = sender and find_address(
        live, "sender_dependent_relayhost_maps", sender, class_of(live, sender)
    )
    return found.value if found else live.value("relayhost")


def _mapped(live: Live, address: str, domain: str) -> Found | None:
    maps = live.words("transport_maps")
    labels = domain.split(".")
    parents = (f".{'.'.join(labels[n:])}" for n in range(1, len(labels)))
    return live.find(maps, (address, domain, *parents, "*")) if maps else None
