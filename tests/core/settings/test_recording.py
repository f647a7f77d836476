"""What is read is noted, and passed on as it is."""

from __future__ import annotations

import pytest

from mailstead.settings.recording import Reads, Recorder
from mailstead.settings.view import Settings

from .samples import House, Member, Object, Options


def test_forms_rows_ranges_and_counts_are_noted(house: House) -> None:
    """Also rows that are not there; nothing else is."""
    house.add("network.object", name="office")
    reads = Reads()
    view = Settings(Recorder(house.store, reads), house.schema, "draft")
    assert Options() == view.form(Options)
    assert view.row(Object, "home") is None
    assert [] == list(view.rows(Member, "office"))
    assert 1 == view.count(Object)
    assert not view.is_used(Member, "address")
    assert {("mail.options", ""), ("network.object", "home")} == reads.records
    assert {
        ("network.member", "office"), ("network.object", ""), ("network.member", "")
    } == reads.ranges  # fmt: skip


@pytest.mark.parametrize(
    ("section", "key", "expected"),
    [
        ("s.a", "", True), ("s.a", "k", False), ("s.b", "k", True), ("s.b", "k/1/2", True),
        ("s.b", "kk", False), ("s.c", "any", True), ("s.d", "", False),
    ],
)  # fmt: skip
def test_a_record_is_covered_by_itself_or_by_a_range_above_it(
    section: str, key: str, expected: bool
) -> None:
    """A range is of whole parts of a key; the empty one is the whole table."""
    reads = Reads({("s.a", "")}, {("s.b", "k"), ("s.c", "")})
    assert expected == reads.covers(section, key)
