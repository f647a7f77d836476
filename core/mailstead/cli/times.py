"""Ages for people."""

from __future__ import annotations

AGES = ((86400, "d"), (3600, "h"), (60, "min"))


def age(seconds: float) -> str:
    """Give a time that has passed, in its largest unit."""
    for unit, name in AGES:
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{max(0, int(seconds))} s"
