"""Row keys as text: parts joined by ``/``, with ``%`` and ``/`` percent-encoded within them."""

from __future__ import annotations

from collections.abc import Iterable

SEPARATOR = "/"


def join_key(parts: Iterable[str]) -> str:
    """Give the key text of a row."""
    return SEPARATOR.join(part.replace("%", "%25").replace("/", "%2F") for part in parts)


def split_key(text: str) -> tuple[str, ...]:
    """Give the parts of a key text."""
    return tuple(_decode(part) for part in text.split(SEPARATOR))


def is_below(text: str, prefix: str) -> bool:
    """Tell whether a key text begins with a prefix of whole parts; an empty one is above all."""
    return not prefix or text == prefix or text.startswith(prefix + SEPARATOR)


def _decode(part: str) -> str:
    return part.replace("%2F", "/").replace("%2f", "/").replace("%25", "%")
