"""Cases 1 to 8: a save that is killed or loses power, in each of its phases."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing

import pytest

from mailstead.errors import StoreDamaged
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path
from tests.faults.calls import Calls
from tests.faults.deep import Explorer
from tests.faults.driver import cases, run_case
from tests.faults.moments import committed, killed, prepared, services, strike, writes
from tests.faults.places import needs_root
from tests.faults.real_site import RealSite, edited, edited_again, enabled, in_another_process
from tests.faults.stages import Stage, look
from tests.faults.wholes import changing, outside_of

StageOf = Callable[[str], Stage]


@pytest.mark.parametrize("name", ["rows", "restore", "enable"])
def test_01_killed_before_it_is_prepared_nothing_was_changed(stage: StageOf, name: str) -> None:
    """The live tree is byte-identical, staging is swept, the candidate is kept."""
    ready = stage(name)
    for point in range(1, prepared(ready) + 1):
        strike(ready, point)
        assert outside_of(ready.site) == ready.before.whole.outside
        found = look(ready.site)
        assert (found.whole, found.edits) == (ready.before.whole, ready.before.edits)
        assert found.faults == ()


@pytest.mark.parametrize("name", ["rows", "all-option"])
def test_02_killed_between_prepared_and_the_first_write_there_is_nothing_to_undo(
    stage: StageOf, name: str
) -> None:
    """The journal says so, and recovery writes no file."""
    ready = stage(name)
    first = writes(ready)[0]
    for point in range(prepared(ready) + 1, first + 1):
        strike(ready, point)
        calls = Calls()
        found = look(ready.site, calls)
        assert found.whole == ready.before.whole
        assert found.last is not None
        assert found.last.phase == "rolled back"
        assert not [call for call in changing(calls) if call.startswith(("replace", "apply"))]
    assert "nothing had been changed yet" in reason_after(ready, prepared(ready) + 1)


def reason_after(ready: Stage, point: int) -> str:
    """Give the journal's reason after a kill."""
    strike(ready, point)
    record = look(ready.site).last
    assert record is not None
    return record.reason


@pytest.mark.parametrize("name", ["all-first", "all-option", "rows"])
@pytest.mark.parametrize("kind", ["kill-after", "torn", "reboot"])
def test_03_killed_after_any_number_of_writes_the_result_is_the_same(
    stage: StageOf, name: str, kind: str
) -> None:
    """All that were written are restored."""
    ready = stage(name)
    numbers = writes(ready)
    assert len(numbers) >= 2
    for point in numbers:
        strike(ready, point, kind)
        if kind == "reboot":
            ready.site.boot()
        found = look(ready.site)
        assert (found.whole, found.faults) == (ready.before.whole, ())


def test_04_killed_while_daemons_are_told_they_are_told_of_the_old_files(stage: StageOf) -> None:
    """Whichever were told already; and their health is checked again."""
    ready = stage("all-option")
    numbers = services(ready)
    assert len(numbers) >= 2
    for point in numbers:
        for kind in ("kill", "kill-after"):
            strike(ready, point, kind)
            calls = Calls()
            assert look(ready.site, calls).faults == ()
            told = [call.name for call in calls.made]
            assert told.count("service.reload") + told.count("service.restart") == 2
            assert told.index("converse") > told.index("service.reload")


def test_05_killed_while_it_is_proven_it_is_undone(stage: StageOf) -> None:
    """Up to the commit."""
    ready = stage("all-option")
    numbers = list(range(services(ready)[-1] + 1, committed(ready) + 1, 7))
    for _, found in killed(ready, [*numbers, committed(ready)]):
        assert (found.whole, found.revision) == (ready.before.whole, 1)
        assert found.last is not None
        assert found.last.phase == "rolled back"


def test_05_killed_after_the_commit_it_stays(stage: StageOf) -> None:
    """And what is left to be cleaned up is."""
    ready = stage("all-option")
    for _, found in killed(ready, list(range(committed(ready) + 1, len(ready.calls) + 1))):
        assert (found.whole, found.revision, found.faults) == (ready.after.whole, 2, ())


def test_06_killed_while_it_is_undone_three_deep_it_converges(stage: StageOf) -> None:
    """From the middle of the writing: every pair of further kills, by the states they leave."""
    ready = stage("rows")
    explorer = Explorer(ready)
    (first,) = explorer.first([writes(ready)[-1] + 1])
    triples = sum(len(explorer.after(second)) for second in explorer.after(first))
    assert triples > 1000
    assert [item for digest in explorer.places for item in explorer.check(digest)] == []


def test_07_power_is_lost_at_any_call_that_lasts(stage: StageOf) -> None:
    """Old or new after the boot, nothing empty; what is below the calls is in test_files_power."""
    ready = stage("rows")
    found = [item for case in cases(ready, ["reboot"]) for item in run_case(ready, case)]
    assert found == []


def test_08_a_torn_last_record_is_passed_over(stage: StageOf) -> None:
    """The settings are lost as well: earlier records are used, and the loss is said."""
    ready = stage("option")
    strike(ready, services(ready)[-1] + 1)
    tear_last_line(ready)
    database = ready.site.folder / "var/lib/mailstead/state.db"
    database.write_bytes(b"garbage" * 1000)
    told = ready.site.run(lambda engine: engine.recovered)
    assert isinstance(told.error, StoreDamaged)
    assert "record of step 2 is damaged and was passed over" in str(told.error)
    assert outside_of(ready.site).files == ready.before.whole.files


def test_08_a_record_that_is_damaged_in_the_store_is_read_from_the_file(stage: StageOf) -> None:
    """One good copy is enough."""
    ready = stage("option")
    strike(ready, services(ready)[-1] + 1)
    damage_steps(ready)
    found = look(ready.site)
    assert (found.whole, found.faults) == (ready.before.whole, ())


def tear_last_line(ready: Stage) -> None:
    """Cut the journal's file in its last line."""
    nodes = ready.site.machine.tree.nodes
    (node,) = [node for path, node in nodes.items() if path.suffix == ".jsonl"]
    node.content = node.content[: len(node.content) - 40]


def damage_steps(ready: Stage) -> None:
    """Change the text of every step in the store, as a bad page would."""
    path = ready.site.folder / "var/lib/mailstead/state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE steps SET data = replace(data, 'greeter', 'gibberish')")
        connection.commit()


@needs_root
def test_a_real_process_is_killed_at_real_calls(real: RealSite) -> None:
    """Kill -9 of a process that saves: its lock is free at once, and the next one recovers."""
    real.run(enabled)
    real.run(edited)
    calls = Calls()
    with real.process(calls) as engine:
        assert engine.save().outcome == "committed"
    real.run(edited_again)
    old = real.see()
    lock = Path(real.folder) / "var/lib/mailstead/lock"
    left = []
    for point in chosen_points(calls):
        done = subprocess.run(in_another_process(real, str(int(signal.SIGKILL)), str(point)),
                              check=False, capture_output=True)  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr
        left.append(real.see())
        with RealMachine().lock(lock):
            pass
        with real.process() as engine:
            assert engine.store.revision() == 2
        assert real.see() == old
    assert any(seen != old for seen in left)
    with real.process() as engine:
        assert engine.save().outcome == "committed"
    assert real.see().loaded == "text newer\ntext newer\n"


def chosen_points(calls: Calls) -> list[int]:
    """Give a point of each phase: checking, preparing, writing, rows, daemon, commit."""
    wanted = ("run", "store INSERT steps", "replace_file", "apply_rows", "sleep",
              "store INSERT revisions")  # fmt: skip
    names = [call.name for call in calls.made]
    return [len(names) - names[::-1].index(name) for name in wanted]
