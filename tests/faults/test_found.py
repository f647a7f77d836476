"""What the driver found wrong when it was first run, so that it stays found: each by its call."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from tests.faults.calls import Calls
from tests.faults.deep import Explorer
from tests.faults.driver import cases, run_case
from tests.faults.kinds import KINDS, Struck
from tests.faults.moments import points, strike
from tests.faults.stages import Stage, look

StageOf = Callable[[str], Stage]


@pytest.mark.parametrize(
    ("name", "kind", "call"),
    [
        # The announcement's own temporary file was swept by nobody.
        ("option", "torn", "replace_file folders.json"),
        # What could not be cleaned up after the commit was told as a save that failed.
        ("option", "error", "remove_file 2.jsonl"),
        ("confirm", "error", "remove_file 2.jsonl"),
        ("back", "error", "store BEGIN"),
        # What held room for the undo stayed while a save waited to be confirmed.
        ("unconfirmed", "kill", "remove_file reserve"),
        # A daemon that an undo started again before its files were whole was not told of them.
        ("restore", "full-for-good", "store UPDATE steps"),
        # A save that was being taken back by hand counted as waiting: nobody went on with it.
        ("revert", "kill", "read_file greeter.secret"),
        ("revert", "torn", "replace_file greeter.conf"),
        # One thing that failed while a save was undone kept the rest from being undone.
        ("refused", "error", "remove_file reserve"),
        ("refused", "error", "sweep etc"),
    ],
)
def test_it_is_mended(stage: StageOf, name: str, kind: str, call: str) -> None:
    """Nothing is violated at any call of that kind."""
    ready = stage(name)
    struck = [case for case in cases(ready, [kind]) if str(ready.calls[case.point - 1]) == call]
    assert struck
    assert [item for case in struck for item in run_case(ready, case)] == []


@pytest.mark.parametrize("call", ["converse", "service.state"])
def test_what_cannot_be_asked_after_an_undo_is_unproven(stage: StageOf, call: str) -> None:
    """It was an error that told nothing; now it is a result with the commands to run."""
    ready = stage("refused")
    reloads = points(ready, "service.reload")
    last = [point for point in points(ready, call) if point > reloads[-1]]
    assert last
    for point in last:
        result = strike(ready, point, "error").result
        assert result.outcome == "needs operator"
        assert "the old configuration does not serve" in result.reason
        assert result.commands == ("service greeterd restart",)


def test_images_of_a_restore_go_wherever_its_undoing_is_killed(stage: StageOf) -> None:
    """Removed after the end had been recorded, they could stay for ever."""
    ready = stage("database")
    explorer = Explorer(ready)
    (first,) = explorer.first(points(ready, "restore_database"))
    for digest in (first, *explorer.after(first)):
        ready.site.restore(explorer.places[digest].world)
        assert look(ready.site).open is None
        folder = ready.site.services.prefix / "var/lib/mailstead/restore"
        assert folder not in ready.site.machine.tree.nodes


def test_opening_that_fails_closes_the_settings(stage: StageOf) -> None:
    """At any statement of it: a cursor that stays open is a lock that nobody can explain."""
    ready = stage("option")
    ready.site.restore(ready.world)
    opening = Calls()
    ready.site.run(lambda _: None, opening)
    statements = [n for n, call in enumerate(opening.made, start=1) if call.name == "store SELECT"]
    assert statements
    for point in statements:
        calls = Calls(Struck(KINDS["error"], point))
        told = ready.site.run(lambda _: None, calls)
        assert told.error is not None
        connection = calls.made[point - 1].target
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
