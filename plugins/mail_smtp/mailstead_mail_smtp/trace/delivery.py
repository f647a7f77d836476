"""Where an accepted message goes: cleanup(8) expands, trivial-rewrite(8) routes, virtual(5).

local(8) has aliases of its own, aliases(5), and sends what they lead to elsewhere on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import attrs

from mailstead_mail_smtp.trace.addresses import (
    Class,
    address_keys,
    class_of,
    find_address,
    look_ahead,
)
from mailstead_mail_smtp.trace.live import Found, Live

MOST = 1000  # postconf(5): both limits of an expansion, unless they are set
ALIASES, MAILBOXES = "virtual_alias_maps", "virtual_mailbox_maps"
LOCAL_ALIASES = "alias_maps"
ELSE_LOCALLY = ("luser_relay", "fallback_transport", "fallback_transport_maps", "mailbox_transport")
NO_ADDRESS = ("|", "/", ":", '"')  # a command, a file, a list in a file
TRANSPORTS: dict[Class, str] = {
    "local": "local_transport", "mailbox": "virtual_transport", "relay": "relay_transport",
    "elsewhere": "default_transport",
}  # fmt: skip


@attrs.frozen
class Delivery:
    """One address a message ends at.

    Attributes:
        address: after all aliases, with the extension that it came with.
        kind: its class; ``mailbox`` is one of ours.
        transport: with the next hop, as ``transport:nexthop``.
        account: whose mailbox it is: the address without extension; empty elsewhere.
        mailbox: folder below `virtual_mailbox_base`; empty elsewhere.
        behind: the setting that chose the transport.
        error: why it comes back, if it does.
    """

    address: str
    kind: Class
    transport: str
    account: str = ""
    mailbox: str = ""
    behind: str = ""
    error: str = ""


@attrs.frozen
class Expansion:
    """How one address became others; ``found`` is the map's answer."""

    address: str
    found: Found
    results: tuple[str, ...]


@attrs.frozen
class Expanded:
    """Where aliases lead: the steps, and the addresses at which they end.

    ``is_endless`` when they run in circles, or to more than Postfix follows: it takes no such mail.
    """

    steps: tuple[Expansion, ...]
    ends: tuple[str, ...]
    is_endless: bool


def expand(live: Live, address: str) -> Expanded:
    """Follow the aliases of an address as cleanup(8) does. Raises LookupFailed.

    An address that leads to itself is an end. Addresses of one step are looked up together.
    """
    most = int(live.value("virtual_alias_expansion_limit") or MOST)
    steps: list[Expansion] = []
    ends: dict[str, None] = {}
    waiting, seen = [address.lower()], {address.lower()}
    while waiting and len(seen) <= most:
        look_ahead(live, ALIASES, waiting)
        results = [item for current in waiting for item in _follow(live, current, steps, ends)]
        waiting = [item for item in dict.fromkeys(results) if item not in seen]
        seen.update(waiting)
    leads = {item.address: item.results for item in steps}
    return Expanded(tuple(steps), tuple(ends), bool(waiting) or _is_too_deep(live, leads))


def _follow(
    live: Live, address: str, steps: list[Expansion], ends: dict[str, None]
) -> tuple[str, ...]:
    found = find_address(live, ALIASES, address, class_of(live, address))
    if found is None:
        ends[address] = None
        return ()
    extension = _unmatched(live, address, found, "virtual")
    texts = (item.lower() for item in re.split(r"[,\s]+", found.value) if item)
    results = tuple(_extended(item, extension) for item in texts)
    if results != (address,):
        steps.append(Expansion(address, found, results))
    if address in results:
        ends[address] = None
    return results


def forward(live: Live, address: str) -> Expansion | None:
    """Give where local(8) sends mail for an address, by one level of aliases(5).

    ``None`` where it does not: somewhere else delivers, or no alias has the name. What aliases
    lead to beside addresses is given as it stands: files, commands, lists. Raises LookupFailed.
    """
    maps = live.words(LOCAL_ALIASES)
    if not maps or class_of(live, address) != "local":
        return None
    if not _is_local(_transport(live, "", address, "local")[0]):
        return None
    keys = address_keys(live, address, local=True)
    found = live.find(maps, [key for key in keys if "@" not in key])
    if found is None:
        return None
    extension = _unmatched(live, address, found, "alias")
    texts = [item for item in re.split(r"[,\s]+", found.value) if item]
    results = (_extended(_qualified(live, item), extension) for item in texts)
    return Expansion(address, found, tuple(results))


def is_address(target: str) -> bool:
    """Tell whether what an alias of local(8) leads to is an address: aliases(5)."""
    return not target.startswith(NO_ADDRESS)


def _qualified(live: Live, target: str) -> str:
    if not is_address(target):
        return target
    target = target.lower()
    return target if "@" in target else f"{target}@{live.value('myorigin')}"


def _unmatched(live: Live, address: str, found: Found, kind: str) -> str:
    """Give the extension that goes along, since the map was asked without it: virtual(5)."""
    if found.key == address or found.key.startswith("@"):
        return ""
    if kind not in live.words("propagate_unmatched_extensions"):
        return ""
    user = address.rpartition("@")[0]
    return user[len(found.key.rpartition("@")[0] or found.key) :]


def _extended(address: str, extension: str) -> str:
    user, at, domain = address.rpartition("@")
    if not extension or not is_address(address):
        return address
    return f"{user}{extension}{at}{domain}"


def _is_too_deep(live: Live, leads: Mapping[str, tuple[str, ...]]) -> bool:
    """Tell whether aliases lead to aliases more often than Postfix follows, as in a circle.

    It follows an address that leads to itself once.
    """
    left = {item: results for item, results in leads.items() if item not in results}
    for _ in range(int(live.value("virtual_alias_recursion_limit") or MOST) - 1):
        last = [item for item, results in left.items() if not any(to in left for to in results)]
        if not last:
            break
        for item in last:
            del left[item]
    return bool(left)


def copies(live: Live, sender: str, recipient: str) -> Iterator[tuple[Found, str]]:
    """Give the blind copies that are made, with what asks for them. Raises LookupFailed."""
    for setting, address in (("sender_bcc_maps", sender), ("recipient_bcc_maps", recipient)):
        if address:
            found = find_address(live, setting, address, class_of(live, address))
            if found:
                yield found, found.value
    if live.value("always_bcc"):
        yield Found("always_bcc", "", live.value("always_bcc")), live.value("always_bcc")


def deliveries(live: Live, sender: str, addresses: Sequence[str]) -> tuple[Delivery, ...]:
    """Give where addresses are delivered. Raises LookupFailed."""
    ours = [item for item in addresses if class_of(live, item) == "mailbox"]
    look_ahead(live, MAILBOXES, ours)
    return tuple(route(live, sender, item) for item in addresses)


def route(live: Live, sender: str, address: str) -> Delivery:
    """Give where an address is delivered. Raises LookupFailed."""
    kind = class_of(live, address)
    if kind == "alias":
        error = "5.1.1 User unknown in virtual alias table"
        return Delivery(address, kind, "error", behind="virtual_alias_domains", error=error)
    transport, behind = _transport(live, sender, address, kind)
    account = mailbox = ""
    if kind == "mailbox":
        found = find_address(live, MAILBOXES, address, kind)
        if found is None:
            return Delivery(address, kind, transport, behind=behind, error="5.1.1 nobody has it")
        account, mailbox = found.key, found.value
    if _is_unknown_here(live, address, kind, transport):
        error = f'5.1.1 unknown user: "{address.rpartition("@")[0]}"'
        return Delivery(address, kind, transport, behind="local(8)", error=error)
    if transport.startswith("error:"):
        return Delivery(address, kind, transport, behind=behind, error=transport.partition(":")[2])
    return Delivery(address, kind, transport, account, mailbox, behind)


def _is_local(transport: str) -> bool:
    return transport.partition(":")[0] == "local"


def _is_unknown_here(live: Live, address: str, kind: Class, transport: str) -> bool:
    """Tell whether local(8) knows nobody of that name: neither an alias nor a system user."""
    if kind != "local" or not _is_local(transport):
        return False
    service = live.of("local/unix")
    if any(service.value(name) for name in ELSE_LOCALLY) or forward(service, address) is not None:
        return False
    user = address.rpartition("@")[0]
    delimiter = live.value("recipient_delimiter")
    names = {user, user.partition(delimiter)[0] if delimiter else user}
    return all(live.machine.user(name) is None for name in names)


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
