"""Looking at a whole draft."""

from __future__ import annotations

from mailstead.settings.cells import Cell
from mailstead.settings.edit import validate_changed
from mailstead.settings.store import Store

from .samples import ROOT, House


def _raw(store: Store, *cells: tuple[str, str, str, object]) -> None:
    store.edit([Cell(*cell) for cell in cells], ROOT, 1.0)


def test_a_draft_made_by_the_editor_has_no_problems(house: House) -> None:
    """Neither has one of modules that are not loaded."""
    house.add("network.object", name="office")
    house.add("mail.rule", name="r", objects=["office"])
    _raw(house.store, ("gone.table", "k", "x", 1))
    assert [] == validate_changed(house.store, house.schema)


def test_every_kind_of_problem_is_found(house: House) -> None:
    """Values, missing fields, missing rows and checks, each with its path."""
    _raw(
        house.store,
        ("mail.options", "", "hostname", "a b"),
        ("network.member", "o/m", "object", "o"),
        ("network.member", "o/m", "name", "m"),
        ("mail.domain", "a.example", "name", "a.example"),
        ("mail.domain", "a.example", "relay", "gone"),
        *(("mail.rule", name, field, value)
          for name in "xy" for field, value in (("name", name), ("action", "all"))),
    )  # fmt: skip
    found = {
        (problem.where, problem.problem) for problem in validate_changed(house.store, house.schema)
    }
    assert {
        ("mail.options.hostname", "'a b' is not a host name: a part of it is empty, too long, "
         "or has characters other than a-z 0-9 -"),
        ("network.member[o/m].address", "is not set"),
        ("mail.domain[a.example].relay", "there is no 'gone' in network.object"),
        ("mail.rule[x].action", "there is one already"),
        ("mail.rule[y].action", "there is one already"),
    } == found  # fmt: skip


def test_a_reference_to_a_removed_row_is_found(house: House) -> None:
    """As after discarding only the part of the draft that had freed it."""
    house.add("network.object", name="office")
    house.add("mail.domain", name="a.example", relay="office")
    house.save()
    house.editor.remove_row("network.object", "office", ROOT, force=True)
    assert [] == validate_changed(house.store, house.schema)
    house.store.discard(["mail.domain"])
    (problem,) = validate_changed(house.store, house.schema)
    assert "mail.domain[a.example].relay" == problem.where
    assert "'office', which network.object no longer has" in problem.problem
