"""Tests of decisions about files edited by hand, as the store keeps them."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from mailstead.settings.decisions import Decision, Decisions
from mailstead.settings.store import Store

KEEP = Decision("/etc/a", "keep", "yours", "ours", who="ada", at=5.0)


def test_a_decision_is_remembered_until_it_is_dropped(store: Store) -> None:
    """One for each file; a later one takes the place of an earlier."""
    decisions = Decisions(store)
    merge = Decision("/etc/b", "merge", "x", "y", "yours", "bob", 6.0)
    take = attrs.evolve(KEEP, choice="take")
    for decision in (KEEP, merge, take):
        decisions.put(decision)
    assert decisions.all() == {"/etc/a": take, "/etc/b": merge}
    decisions.drop(["/etc/a", "/etc/gone"])
    assert decisions.all() == {"/etc/b": merge}


@pytest.mark.parametrize(
    ("decision", "holds"),
    [
        (KEEP, False),
        (attrs.evolve(KEEP, choice="take"), True),
        (attrs.evolve(KEEP, choice="merge"), True),
        (attrs.evolve(KEEP, choice="merge", conflicts="ours"), False),
    ],
)
def test_some_decisions_hold_when_ours_changes(decision: Decision, holds: bool) -> None:
    """All hold for what they were made about, and none for another content on the disk."""
    assert decision.holds_for("yours", "ours")
    assert decision.holds_for("yours", "newer") == holds
    assert not decision.holds_for("later", "ours")


def test_a_store_of_format_3_is_brought_up_to_date(tmp_path: Path) -> None:
    """With the decisions that are in it."""
    path = tmp_path / "state.db"
    with Store.open(path, create=True) as old:
        Decisions(old).put(attrs.evolve(KEEP, ours=""))
        for column in ("ours", "conflicts"):
            old.run(f"ALTER TABLE decisions DROP COLUMN {column}")
        old.run("DROP INDEX running_by_field")
        old.run("PRAGMA user_version=3")
    with Store.open(path) as new:
        assert Decisions(new).all() == {"/etc/a": attrs.evolve(KEEP, ours="")}
