"""Times for people."""

from __future__ import annotations

from datetime import UTC, datetime

AGES = ((86400, "d"), (3600, "h"), (60, "min"))


def local_time(seconds: float) -> str:
    """Give seconds since the epoch as local date and time."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def age(seconds: float) -> str:
    """Give a time that has passed, in its largest unit."""
    for unit, name in AGES:
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{max(0, int(seconds))} s"
