"""Points in time in words."""

from __future__ import annotations

import time

import pytest

from mailstead.moment import words_of


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("UTC", "2027-01-15 08:00:00+00:00"), ("EST5", "2027-01-15 03:00:00-05:00")],
)
def test_a_time_is_written_in_the_machines_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str, expected: str
) -> None:
    """With its distance from UTC, so that a change of the zone confuses nobody."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        assert words_of(1_800_000_000.5) == expected
    time.tzset()
