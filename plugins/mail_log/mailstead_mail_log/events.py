"""What became of a recipient, in the classes that people ask for: RFC 3463, RFC 5321."""

from __future__ import annotations

import re
from typing import Literal

Event = Literal[
    "msgsent", "maxmsgsize", "maxusrsize", "norelay", "noaccount", "nohost", "noauth", "greylist",
    "nosmarthostrelay", "other",
]  # fmt: skip
EVENTS: tuple[Event, ...] = (
    "msgsent", "maxmsgsize", "maxusrsize", "norelay", "noaccount", "nohost", "noauth", "greylist",
    "nosmarthostrelay", "other",
)  # fmt: skip

_SIGNS: tuple[tuple[Event, re.Pattern[str]], ...] = (
    ("greylist", re.compile(r"gr[ea]ylist", re.IGNORECASE)),
    ("maxusrsize", re.compile(r"\b5\.2\.2\b|mailbox is full|over quota", re.IGNORECASE)),
    ("maxmsgsize", re.compile(r"\b5\.3\.4\b|size limit|fixed limit", re.IGNORECASE)),
    ("noaccount", re.compile(r"\b5\.1\.1\b|user unknown|doesn't exist", re.IGNORECASE)),
    ("noauth", re.compile(r"not (?:logged in|owned)|authentication required|\b53[05]\b",
                          re.IGNORECASE)),
    ("nohost", re.compile(r"timed out|refused|unreachable|no route|host not found|"
                          r"host or domain name not found|lost connection", re.IGNORECASE)),
)  # fmt: skip
_RELAY = re.compile(r"relay(?:ing)? (?:access )?denied|not permitted to relay", re.IGNORECASE)


def event_of(status: str, text: str, *, is_ours: bool) -> Event:
    """Classify.

    Args:
        status: of the delivery (``sent``, ``bounced``, ``deferred``...) or ``rejected``.
        text: the server's words.
        is_ours: whether the words are this server's own, to a client.
    """
    if status == "sent":
        return "msgsent"
    if _RELAY.search(text):
        return "norelay" if is_ours else "nosmarthostrelay"
    return next((event for event, sign in _SIGNS if sign.search(text)), "other")


def kind_of(sender: str, recipient: str, managed: frozenset[str]) -> str:
    """Tell a message's direction: internal, sent, received, relay or unknown.

    A recipient without a domain is of this machine: `myorigin`.
    """
    if not recipient:
        return "unknown"
    from_us = sender.rpartition("@")[2].lower() in managed
    to_us = "@" not in recipient or recipient.rpartition("@")[2].lower() in managed
    if from_us:
        return "internal" if to_us else "sent"
    return "received" if to_us else "relay"
