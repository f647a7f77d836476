"""A save that goes wrong anywhere leaves one revision, whole; a sample of what script/faults runs.

And the driver itself can find what it looks for: broken engines are found out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from mailstead.journal.journal import Journal
from mailstead.machine.fake import FakeMachine
from mailstead.transaction.execute import Executor
from mailstead.transaction.steps import ReplaceFile
from tests.faults.deep import explore, sample_triples
from tests.faults.driver import Case, Violation, cases, run_case, sample
from tests.faults.kinds import KINDS
from tests.faults.scenarios import Scenario
from tests.faults.stages import SCENARIOS, Stage, workshop

CASES = 600
TRIPLES = 4  # a scenario
Make = Callable[[Scenario], Stage]


@pytest.fixture(scope="module")
def make() -> Iterator[Make]:
    """Give the maker of stages."""
    with workshop() as maker:
        yield maker


@pytest.fixture(scope="module")
def chosen(make: Make) -> dict[str, list[Case]]:
    """Give the sample, by scenario."""
    everything = [case for scenario in SCENARIOS.values() for case in cases(make(scenario))]
    found: dict[str, list[Case]] = {name: [] for name in SCENARIOS}
    for case in sample(everything, CASES):
        found[case.scenario].append(case)
    return found


def run_all(stage: Stage, found: list[Case]) -> list[Violation]:
    """Run cases of a scenario."""
    return [item for case in found for item in run_case(stage, case)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_any_fault_anywhere_leaves_one_revision(
    make: Make, chosen: dict[str, list[Case]], name: str
) -> None:
    """Old or new; what was told is true; a second recovery changes nothing; the next save works."""
    assert chosen[name]
    assert run_all(make(SCENARIOS[name]), chosen[name]) == []


def test_the_sample_has_every_fault_at_every_kind_of_call(
    make: Make, chosen: dict[str, list[Case]]
) -> None:
    """None is left out by chance."""
    calls = {call.name: call for name in SCENARIOS for call in make(SCENARIOS[name]).calls}
    wanted = {(name, kind.name) for name, call in calls.items() for kind in KINDS.values()
              if kind.suits(call)}  # fmt: skip
    assert len(wanted) > 150
    assert wanted == {(case.call, case.kind) for found in chosen.values() for case in found}


@pytest.mark.parametrize("name", ["rows", "revert", "restore"])
def test_a_recovery_of_a_recovery_can_be_killed(make: Make, name: str) -> None:
    """It converges, wherever the three kills were."""
    assert list(sample_triples(make(SCENARIOS[name]), TRIPLES)) == []


def test_triples_of_kills_lead_to_few_states(make: Make) -> None:
    """The short cut of script/faults --deep: every state that three kills leave is looked at."""
    depth = explore(make(SCENARIOS["confirm"]))
    assert depth.violations == ()
    assert depth.triples > depth.worlds > 1


def forget_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let undoing pass over files."""
    really = Executor.undo
    monkeypatch.setattr(
        Executor, "undo",
        lambda self, step: True if isinstance(step, ReplaceFile) else really(self, step),
    )  # fmt: skip


def forget_daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let undoing tell no daemon."""
    monkeypatch.setattr(Executor, "undo_service", lambda *_, **__: None)


def forget_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the journal not mark a step before it is taken."""
    monkeypatch.setattr(Journal, "about_to", lambda *_: None)


def forget_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be swept."""
    monkeypatch.setattr(FakeMachine, "sweep", lambda *_: ())


def tell_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the journal say of what was undone that it was committed."""
    really = Journal.ended

    def lie(self: Journal, number: int, _: Any, *words: Any) -> None:
        really(self, number, "committed", *words)

    monkeypatch.setattr(Journal, "ended", lie)


@pytest.mark.parametrize(
    ("breakage", "kind", "told"),
    [
        (forget_a_file, "kill", "neither"),
        (forget_daemons, "kill", "runs with other files"),
        (forget_marks, "kill", "neither"),
        (forget_temporary_files, "torn", "a temporary file is left"),
        (tell_lies, "error", "committed"),
    ],
)
def test_a_broken_engine_is_found_out(
    make: Make, monkeypatch: pytest.MonkeyPatch, breakage: Callable[[Any], None], kind: str,
    told: str,
) -> None:  # fmt: skip
    """Each breakage by the invariant that it violates."""
    stage = make(SCENARIOS["rows"])
    struck = [case for case in cases(stage, [kind]) if case.call in
              ("replace_file", "service.reload", "converse")]  # fmt: skip
    assert run_all(stage, struck) == []
    breakage(monkeypatch)
    found = run_all(stage, struck)
    assert [item for item in found if told in item.problem], found


def test_a_case_can_be_named_and_run_alone(make: Make) -> None:
    """What is printed of a violation is what the command takes."""
    case = next(cases(make(SCENARIOS["option"])))
    name, point, kind = str(case).split(":")
    assert attrs.evolve(case, call="") == Case(name, int(point), kind)
