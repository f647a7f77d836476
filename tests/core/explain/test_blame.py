"""From what trying showed to what is behind each line."""

from __future__ import annotations

from collections.abc import Mapping

from mailstead.explain.blame import OTHERWISE, Effect, Evidence, Line, blame
from mailstead.explain.causes import Cause
from mailstead.machine.values import Path
from mailstead.transaction.changes import FileChange, FileVersion

ONE, TWO = Cause("m.options.one", ()), Cause("m.options.two", ())
NONE: frozenset[int] = frozenset()


def evidence(
    old: str, new: str, effects: Mapping[Cause, Effect | None], *untouched: Line
) -> Evidence:
    """Give evidence about a file whose lines are one letter each."""
    version = FileVersion(b"", 0o644, 0, 0)
    change = FileChange("m", "/etc/m", Path("/etc/m"), version, version)
    return Evidence(change, tuple(old), tuple(new), untouched, effects, {})


def told(found: Evidence) -> list[tuple[str, tuple[str, ...], bool]]:
    """Give sign and number, causes, and whether they are sure."""
    return [
        (
            f"{x.sign}{x.number}",
            tuple(c.where[-3:] for c in x.origin.causes) or (x.origin.note,),
            x.origin.sure,
        )
        for x in blame(found)
    ]


def test_a_line_that_gives_way_shares_the_causes_of_the_new_ones() -> None:
    """As when two settings make one line, and neither alone brings the old one back."""
    effects = {ONE: Effect(NONE, frozenset({1})), TWO: Effect(NONE, frozenset({1}))}
    found = told(evidence("abc", "aXc", effects))
    assert [("-2", ("one", "two"), True), ("+2", ("one", "two"), True)] == found


def test_a_new_line_is_not_given_the_causes_of_its_neighbours() -> None:
    """It is among all that the file depends on; also what was refused."""
    effects = {ONE: Effect(NONE, frozenset({1})), TWO: None}
    found = told(evidence("a", "aXY", effects))
    assert [("+2", ("one",), True), ("+3", ("one", "two"), False)] == found


def test_the_only_change_is_sure() -> None:
    """Nothing else can be behind what running would not make."""
    assert [("+2", ("one",), True)] == told(evidence("a", "aX", {ONE: None}))


def test_what_running_would_make_today_as_well_is_no_setting() -> None:
    """As after an upgrade of the module; what goes then is not running's any more."""
    effects = {ONE: Effect(NONE, frozenset({2}))}
    found = told(evidence("ab", "aXY", effects, ("-", 1), ("+", 1)))
    assert [("-2", (OTHERWISE,), True), ("+2", (OTHERWISE,), True), ("+3", ("one",), True)] == found
