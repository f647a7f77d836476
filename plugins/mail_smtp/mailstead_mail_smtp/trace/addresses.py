"""Classes of addresses and what is looked up for them: ADDRESS_CLASS_README, virtual(5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mailstead_mail_smtp.trace.live import Found, Live

Class = Literal["local", "alias", "mailbox", "relay", "elsewhere"]
SETTINGS: dict[Class, str] = {
    "local": "mydestination", "alias": "virtual_alias_domains",
    "mailbox": "virtual_mailbox_domains", "relay": "relay_domains", "elsewhere": "",
}  # fmt: skip
RECIPIENTS: dict[Class, str] = {
    "local": "local_recipient_maps", "mailbox": "virtual_mailbox_maps",
    "relay": "relay_recipient_maps",
}  # fmt: skip
TABLES: dict[Class, str] = {
    "local": "local recipient table", "mailbox": "virtual mailbox table",
    "relay": "relay recipient table", "alias": "virtual alias table",
}  # fmt: skip
REWRITING = ("recipient_canonical_maps", "canonical_maps", "virtual_alias_maps")


def class_of(live: Live, address: str) -> Class:
    """Give the class of an address by its domain: trivial-rewrite(8). Raises LookupFailed."""
    domain = address.rpartition("@")[2].lower()
    for name, setting in SETTINGS.items():
        if setting and live.is_listed(setting, domain):
            return name
    return "elsewhere"


def address_keys(live: Live, address: str, *, local: bool = False) -> tuple[str, ...]:
    """Give the keys an address is looked up by, in order; ``local`` ones also without domain."""
    user, _, domain = address.lower().rpartition("@")
    names = [user]
    delimiter = live.value("recipient_delimiter")
    plain = user.partition(delimiter)[0] if delimiter else user
    if plain and plain != user:
        names.append(plain)
    short = names if local else []
    return (*(f"{name}@{domain}" for name in names), *short, f"@{domain}")


def find_address(live: Live, setting: str, address: str, kind: Class) -> Found | None:
    """Look an address up in the maps of a parameter. Raises LookupFailed."""
    maps = live.words(setting)
    return live.find(maps, address_keys(live, address, local=kind == "local")) if maps else None


def look_ahead(live: Live, setting: str, addresses: Sequence[str]) -> None:
    """Ask each map of a parameter about many addresses at once. Raises LookupFailed."""
    kinds = ((address, class_of(live, address)) for address in addresses)
    keys = [
        key for address, kind in kinds for key in address_keys(live, address, local=kind == "local")
    ]
    for name in live.words(setting) if keys else ():
        live.ask(name, tuple(dict.fromkeys(keys)))


def is_rewritten(live: Live, address: str, kind: Class) -> bool:
    """Tell whether an address leads to others. Raises LookupFailed."""
    return any(find_address(live, setting, address, kind) for setting in REWRITING)


def is_unlisted(live: Live, address: str, kind: Class) -> bool:
    """Tell whether nobody has an address of ours, as smtpd(8) sees it. Raises LookupFailed."""
    if is_rewritten(live, address, kind):
        return False
    if kind == "alias":
        return True
    setting = RECIPIENTS.get(kind, "")
    return bool(live.words(setting)) and find_address(live, setting, address, kind) is None
