"""Points in time in words, in the machine's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime


def words_of(at: float) -> str:
    """Write seconds since the epoch as people do: ``2027-01-15 08:00:00+00:00``."""
    return datetime.fromtimestamp(at, UTC).astimezone().isoformat(" ", "seconds")
