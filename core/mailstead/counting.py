"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Write how many there are: ``1 alias``, ``2 aliases``; ``many`` is ``one`` with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"
