"""Cases 27 and 28: clocks that jump, and saves that must be confirmed.

With real daemons, and nobody to run a command, in test_cases_mail.py.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailstead.engine import Engine
from mailstead.errors import MachineError, NotFound, Unconfirmed
from mailstead.settings.cells import Actor
from mailstead.transaction.progress import Event
from mailstead.transaction.request import Request
from tests.faults.harness import save
from tests.faults.moments import committed, strike
from tests.faults.scenarios import OTHER_LOGIN, WAIT, save_waiting
from tests.faults.stages import Stage, look
from tests.faults.wholes import deaf_daemons, outside_of

StageOf = Callable[[str], Stage]
DAY, YEAR = 86400.0, 365 * 86400.0
JUMPS = {"a day back": -DAY, "a year on": YEAR, "summer time ends": -3600.0}


@pytest.mark.parametrize("jump", JUMPS.values(), ids=list(JUMPS))
@pytest.mark.parametrize("phase", ["check", "write", "act", "probe"])
def test_27_the_wall_clock_jumps_during_a_save(stage: StageOf, jump: float, phase: str) -> None:
    """Order is by number and time by the boot clock: it ends as it would have."""
    ready = stage("rows")
    ready.site.restore(ready.world)
    jumped: list[Event] = []

    def listen(event: Event) -> None:
        if event.phase == phase and not jumped:
            ready.site.machine.time.wall += jump
            jumped.append(event)

    told = ready.site.run(lambda engine: engine.save(progress=listen))
    assert jumped
    assert (told.result.outcome, told.result.revision) == ("committed", 2)
    found = look(ready.site)
    assert (found.whole, found.faults) == (ready.after.whole, ())
    numbers = [item.number for item in ready.site.run(lambda e: e.store.revisions()).result]
    assert numbers == [2, 1]


@pytest.mark.parametrize("jump", JUMPS.values(), ids=list(JUMPS))
@pytest.mark.parametrize("point", ["prepared", "waiting"])
def test_27_the_wall_clock_jumps_while_nobody_looks(
    stage: StageOf, jump: float, point: str
) -> None:
    """Recovery and the wait for a confirmation do not ask it."""
    ready = stage("unconfirmed")
    strike(ready, committed(ready) if point == "prepared" else len(ready.calls))
    ready.site.machine.time.wall += jump
    found = look(ready.site)
    assert found.faults == ()
    assert found.waits == (point == "waiting")
    ready.site.machine.time.pass_by(WAIT - 3)
    assert look(ready.site).waits == (point == "waiting")
    ready.site.machine.time.pass_by(3)
    last = look(ready.site)
    assert (last.whole, last.open) == (ready.before.whole, None)


@pytest.fixture
def waiting(stage: StageOf) -> Stage:
    """Give a site where a save waits; the next process belongs to the login that saved."""
    ready = stage("unconfirmed")
    ready.site.restore(ready.world)
    assert ready.site.run(save_waiting).result.wait.seconds == WAIT
    return ready


def is_undone(ready: Stage) -> bool:
    """Tell whether the site is as before the save, with the changes in the draft."""
    found = look(ready.site)
    return (found.whole, found.edits, found.open, found.faults) == (
        ready.before.whole, ready.before.edits, None, (),
    )  # fmt: skip


def test_28_nobody_confirms(waiting: Stage) -> None:
    """It is undone when its time is over, and not before."""
    waiting.site.machine.time.pass_by(WAIT - 2)
    assert look(waiting.site).waits
    waiting.site.machine.time.pass_by(2)
    assert is_undone(waiting)


def test_28_nobody_confirms_and_nobody_runs_a_command(waiting: Stage) -> None:
    """The watch undoes it by itself."""
    record = look(waiting.site).open
    assert record is not None
    found = waiting.site.run(lambda engine: engine.watch(record.id)).result
    assert found.outcome == "rolled back"
    assert outside_of(waiting.site) == waiting.before.whole.outside
    assert is_undone(waiting)


def test_28_everything_of_ours_is_killed_meanwhile(waiting: Stage) -> None:
    """Whoever comes goes on with the time that is left: no second begins anew."""
    waiting.site.machine.time.pass_by(WAIT / 2)
    for pid in list(waiting.site.machine.processes.running):
        if waiting.site.machine.processes.running[pid].name.startswith(("python", "mailstead")):
            waiting.site.machine.kill(pid)
    waiting.site.machine.restart()
    assert look(waiting.site).waits
    waiting.site.machine.time.pass_by(WAIT / 2 - 1)
    assert look(waiting.site).waits
    waiting.site.machine.time.pass_by(1)
    assert is_undone(waiting)


def test_28_the_machine_is_booted_meanwhile(waiting: Stage) -> None:
    """That ends the wait: it is undone before any daemon starts."""
    waiting.site.boot()
    assert list(deaf_daemons(waiting.site)) == []
    assert is_undone(waiting)


def test_28_there_is_no_second_save(waiting: Stage) -> None:
    """Refused, and the first one still waits."""
    told = waiting.site.run(save)
    assert isinstance(told.error, Unconfirmed)
    assert "waits to be confirmed" in str(told.error)
    assert look(waiting.site).waits


@pytest.mark.parametrize("who", ["another user", "the same connection"])
def test_28_it_cannot_be_confirmed_by_whoever_it_is(waiting: Stage, who: str) -> None:
    """By somebody who was not named, or over the connection that may be about to break."""
    actor = Actor("mallory" if who == "another user" else "root", "command line")
    if who == "another user":
        waiting.site.machine.login = OTHER_LOGIN
    told = waiting.site.run(Engine.confirm, actor=actor)
    assert isinstance(told.error, Unconfirmed)
    assert look(waiting.site).waits
    waiting.site.machine.login = OTHER_LOGIN
    assert waiting.site.run(Engine.confirm).error is None
    assert look(waiting.site).whole == waiting.after.whole


def test_28_whoever_was_named_may_confirm(stage: StageOf) -> None:
    """Over another connection."""
    ready = stage("unconfirmed")
    ready.site.restore(ready.world)
    request = Request(confirm=WAIT, allowed=("grace",))
    ready.site.run(lambda engine: engine.save(request))
    ready.site.machine.login = OTHER_LOGIN
    assert ready.site.run(Engine.confirm, actor=Actor("grace", "ssh")).error is None
    ready.site.machine.time.pass_by(2 * WAIT)
    assert look(ready.site).whole == ready.after.whole


@pytest.mark.parametrize("fault", ["refused", "error at the commit"])
def test_28_a_save_that_fails_arms_no_timer(stage: StageOf, fault: str) -> None:
    """There is nothing to confirm, nothing is undone later, and the next save is free."""
    ready = stage("unconfirmed")
    if fault == "refused":
        ready.site.restore(ready.world)
        ready.site.services.break_reload("greeterd")
        told = ready.site.run(save_waiting)
    else:
        told = strike(ready, committed(ready), "error")
    assert told.result.outcome == "rolled back"
    assert told.result.wait is None
    ready.site.machine.login = OTHER_LOGIN
    assert isinstance(ready.site.run(Engine.confirm).error, NotFound)
    assert ready.site.run(save).result.outcome == "committed"
    ready.site.machine.time.pass_by(2 * WAIT)
    assert look(ready.site).whole == ready.after.whole


def test_28_what_nobody_could_watch_is_not_saved(stage: StageOf) -> None:
    """The watch cannot be started: nothing is written."""
    ready = stage("unconfirmed")
    ready.site.restore(ready.world)
    ready.site.machine.fail("detach", MachineError("too many processes"))
    told = ready.site.run(save_waiting)
    assert told.result.outcome == "rolled back"
    assert "too many processes" in told.result.reason
    assert outside_of(ready.site) == ready.before.whole.outside
