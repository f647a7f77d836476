"""Settings as they were: whatever was saved, the way back leads to just that."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailstead.errors import NotFound
from mailstead.history.settings_history import BETWEEN, SAVED_AS, SettingsHistory
from mailstead.settings.cells import Actor, Cell, Json
from mailstead.settings.store import Store
from tests.core.settings.samples import ROOT

Place = tuple[str, str, str]
State = dict[Place, Json]
PLACES = st.tuples(
    st.sampled_from(["s.a", "s.b"]), st.sampled_from(["", "k", "é"]), st.sampled_from("xy")
)
VALUES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "0"])
DRAFTS = st.lists(st.lists(st.tuples(PLACES, VALUES), max_size=5), max_size=8)


def save(store: Store, *cells: tuple[str, str, str, Json], who: Actor = ROOT) -> int:
    """Edit and commit."""
    store.edit([Cell(*cell) for cell in cells], who, 1.0)
    return store.commit_draft(who, 2.0, plan=f"plan of {store.revision() + 1}")


def running(store: Store) -> State:
    """Give all that is set."""
    return {
        (section, key, field): value
        for section in ("s.a", "s.b")
        for key, record in store.records("running", section)
        for field, value in record.items()
    }


@settings(max_examples=60, deadline=None)
@given(drafts=DRAFTS)
def test_the_net_changes_lead_from_any_revision_to_any_other(
    drafts: list[list[tuple[Place, Json]]],
) -> None:
    """Applied to a copy of one state they give the other; none changes nothing."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(Path(folder) / "s.db", create=True) as store,
    ):
        states = [running(store)]
        for draft in drafts:
            save(store, *((*place, value) for place, value in draft))
            states.append(running(store))
        for start, before in enumerate(states):
            for end, after in enumerate(states):
                assert typed(after) == typed(applied(store, before, start, end))


def applied(store: Store, state: State, start: int, end: int) -> State:
    """Apply the net changes between two revisions to the state of the first."""
    found = dict(state)
    for change in SettingsHistory(store).net(start, end):
        place = (change.section, change.key, change.field)
        assert typed({place: change.old}) == typed({place: found.get(place)})
        assert typed({place: change.old}) != typed({place: change.new})
        found.pop(place, None)
        if change.new is not None:
            found[place] = change.new
    return found


def typed(state: State) -> dict[Place, tuple[type, Json]]:
    """Let 1 and true differ."""
    return {place: (type(value), value) for place, value in state.items()}


def test_what_was_changed_and_changed_back_is_no_difference(store: Store) -> None:
    """Also when the way led over several revisions, or over no value."""
    save(store, ("s.a", "", "x", 1), ("s.a", "", "y", 1))
    save(store, ("s.a", "", "x", 2), ("s.a", "", "y", None))
    save(store, ("s.a", "", "x", 3))
    save(store, ("s.a", "", "x", 1), ("s.a", "", "y", 1))
    history = SettingsHistory(store)
    assert () == history.net(1, 4)
    assert () == history.net(2, 2)
    assert [("x", 3, 2)] == [(c.field, c.old, c.new) for c in history.net(3, 2)]


def test_the_last_author_of_a_setting_is_named(store: Store) -> None:
    """Not whoever changed it first."""
    save(store, ("s.a", "", "x", 1), who=Actor("ada", "web"))
    save(store, ("s.a", "", "x", 2), who=Actor("grace", "ssh"))
    (change,) = SettingsHistory(store).net(0, 2)
    assert ("grace", "ssh") == (change.who, change.origin)


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (1, -1), (1, 3), (3, 1)])
def test_a_revision_that_never_was_is_refused(store: Store, start: int, end: int) -> None:
    """It is not taken for an empty one."""
    save(store, ("s.a", "", "x", 1))
    with pytest.raises(NotFound, match=r"revision (-1|3): there is no such .*the last is 1"):
        SettingsHistory(store).net(start, end)


def test_the_way_back_reads_only_what_changed_since(store: Store) -> None:
    """Neither the settings nor older changes; and a plan is found by its id at once."""
    for statement, values in ((BETWEEN, (1, 2)), (SAVED_AS, ("x",))):
        plan = store.run(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
        steps = [row[3] for row in plan]
        assert all(step.startswith(("SEARCH", "CORRELATED")) for step in steps), steps


def test_a_plan_is_known_by_the_revision_it_became(store: Store) -> None:
    """Unless that was undone."""
    save(store, ("s.a", "", "x", 1))
    save(store, ("s.a", "", "x", 2))
    history = SettingsHistory(store)
    assert (1, 2, None) == (
        history.saved_as("plan of 1"), history.saved_as("plan of 2"), history.saved_as("another")
    )  # fmt: skip
    insert = """INSERT INTO saves (format, phase, plan, base, revision, who, origin, at)
        VALUES (1, ?, 'plan of 2', 1, 2, 'root', 'ssh', 1.0)"""
    for phase, expected in (("confirming", 2), ("committed", 2), ("rolled back", None)):
        store.run("DELETE FROM saves")
        store.run(insert, (phase,))
        assert expected == history.saved_as("plan of 2")


def test_the_revisions_after_one_are_given_newest_first(store: Store) -> None:
    """No more than were asked for."""
    for value in range(5):
        save(store, ("s.a", "", "x", value))
    found = SettingsHistory(store).after(2, 2)
    assert [5, 4] == [revision.number for revision in found]
    assert 3 == SettingsHistory(store).revision(3).number
    with pytest.raises(NotFound, match="revision 6"):
        SettingsHistory(store).revision(6)
