"""Let a fault strike at one call of a scenario, recover, and say what is wrong then.

After it exactly one revision is whole: that before, or that after. Recovering once more changes
nothing, what the process told is true, the journal says how it ended, and the next save works.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from mailstead.errors import MailsteadError
from mailstead.journal.records import Record
from mailstead.journal.recover import Recovered
from mailstead.transaction.request import SaveResult
from tests.faults.calls import Calls
from tests.faults.harness import Told
from tests.faults.kinds import KINDS, Kind, Struck
from tests.faults.scenarios import WAIT
from tests.faults.stages import Stage, again, look
from tests.faults.wholes import Found, changing, deaf_daemons, lies_somewhere, outside_of

WORKS = ("committed", "nothing to do")


@attrs.frozen
class Case:
    """A fault of a kind at a call of a scenario; points count from 1, ``call`` is its name."""

    scenario: str
    point: int
    kind: str
    call: str = attrs.field(default="", eq=False)

    def __str__(self) -> str:
        return f"{self.scenario}:{self.point}:{self.kind}"


@attrs.frozen
class Violation:
    """What was wrong after a case."""

    case: Case
    call: str
    problem: str

    def __str__(self) -> str:
        return f"{self.case} at {self.call}: {self.problem}"


def cases(stage: Stage, kinds: Iterable[str] = KINDS) -> Iterator[Case]:
    """Give every case of a scenario."""
    for point, call in enumerate(stage.calls, start=1):
        for name in kinds:
            if KINDS[name].suits(call):
                yield Case(stage.scenario.name, point, name, call.name)


def sample(found: Sequence[Case], count: int) -> list[Case]:
    """Choose so many cases: each kind of fault at each kind of call, the rest evenly.

    The same cases every time; more than asked for where there are more kinds.
    """
    kinds: dict[tuple[str, str], list[Case]] = {}
    for case in found:
        kinds.setdefault((case.call, case.kind), []).append(case)
    chosen = {group[len(group) // 2]: None for group in kinds.values()}
    rest = [case for case in found if case not in chosen]
    missing = max(0, count - len(chosen))
    step = max(1, len(rest) // missing) if missing else len(rest) + 1
    return sorted({*chosen, *rest[::step]}, key=attrs.astuple)


def run_case(stage: Stage, case: Case) -> list[Violation]:
    """Run one case; gives what was wrong."""
    call = str(stage.calls[case.point - 1])
    try:
        problems = list(_problems(stage, case))
    except Exception as error:  # noqa: BLE001 - whatever comes out of the engine is the finding
        problems = [f"{type(error).__name__} came out of it: {error}"]
    return [Violation(case, call, problem) for problem in problems]


def _problems(stage: Stage, case: Case) -> Iterator[str]:
    kind = KINDS[case.kind]
    site = stage.site
    site.restore(stage.world)
    fault = Struck(kind, case.point)
    told = site.run(stage.scenario.action, Calls(fault))
    assert fault.met, f"the process did not come that far: {told}"
    yield from _spoken(told, kind)
    if not kind.is_deadly:
        yield from _at_once(stage, told)
    site.mend()
    if case.kind == "reboot":
        site.boot()
    yield from after_process(stage, told)


def after_process(stage: Stage, told: Told) -> Iterator[str]:
    """Tell what is wrong with a site after a process has ended, however it ended."""
    found = look(stage.site)
    if found.open is not None and found.open.phase == "needs operator":
        yield from _operated(found.open)
        stage.site.run(lambda engine: engine.recover())
        found = look(stage.site)
    end = _end(stage, found)
    yield from found.faults
    if end is None:
        yield _mixed(stage, found)
    yield from _untrue(stage, told, end)
    yield from _unaudited(stage, found, end)
    yield from _second_recovery(stage, found)
    yield from _unfinished(stage, found)


def _spoken(told: Told, kind: Kind) -> Iterator[str]:
    """A process that lives tells how it went, or why not, in words for people."""
    if kind.is_deadly or told.is_told:
        return
    if not (kind.name == "stop" and isinstance(told.error, SystemExit)):
        yield f"{type(told.error).__name__} came out of the process: {told.error}"


def _at_once(stage: Stage, told: Told) -> Iterator[str]:
    """Who was told how a save went need not run another command for it to be so."""
    if not stage.scenario.is_final or getattr(told.result, "outcome", "") == "needs operator":
        return
    if isinstance(told.error, SystemExit) and stage.before.whole == stage.after.whole:
        return  # it was undoing already, and the next command goes on with that
    seen = outside_of(stage.site)
    if seen not in (stage.before.whole.outside, stage.after.whole.outside):
        old, new = seen.differs(stage.before.whole.outside), seen.differs(stage.after.whole.outside)
        said = told.error or told.result
        yield f"it ended ({said}) with neither: old but for {old}, new but for {new}"
    yield from (f"when it ended: {fault}" for fault in deaf_daemons(stage.site))


def _operated(record: Record) -> Iterator[str]:
    if not record.commands or not record.reason:
        yield "an operator is needed, and not told what for or what to do"


def _end(stage: Stage, found: Found) -> Found | None:
    """Give which end it is; that after counts where two are one."""
    ends: tuple[Found, ...] = (
        stage.after,
        stage.before,
        *((stage.lapsed,) if stage.lapsed else ()),
    )
    for end in ends:
        if (found.whole, found.waits) == (end.whole, end.waits):
            return end
    return None


def _mixed(stage: Stage, found: Found) -> str:
    old, new = found.whole.differs(stage.before.whole), found.whole.differs(stage.after.whole)
    phase = found.open.phase if found.open else "none"
    return (
        f"neither: old but for {old or 'the wait'}, new but for {new or 'the wait'}; open: {phase}"
    )


def _untrue(stage: Stage, told: Told, end: Found | None) -> Iterator[str]:
    """What was told is what is."""
    if stage.before.whole == stage.after.whole or end is None:
        return
    if stage.scenario.is_final and isinstance(told.error, MailsteadError) and end is stage.after:
        yield f"it failed ({told.error}), but everything is new"
    match told.result:
        case SaveResult(outcome="committed") | Record() | Recovered(outcome="rolled back"):
            if end is not stage.after:
                yield f"it was told as done: {told.result}"
        case SaveResult(outcome="rolled back", reason=reason):
            if end is not stage.before or not reason:
                yield f"told as rolled back because of {reason!r}"
        case SaveResult(outcome="needs operator") as result:
            if not result.commands or not result.reason:
                yield "an operator is needed, and not told what for or what to do"


def _unaudited(stage: Stage, found: Found, end: Found | None) -> Iterator[str]:
    """The journal's last save ended as the site shows."""
    last = found.last
    if end is None or last is None:
        return
    if found.edits != end.edits and not stage.scenario.drafts:
        yield f"the audit log says {found.edits}, not {end.edits}"
    if found.open is not None and not found.waits:
        yield f"the save is still {found.open.phase}"
    if last.phase == "committed" and last.revision != found.revision:
        yield f"revision {last.revision} counts as committed, revision {found.revision} is served"
    if last.phase in ("rolled back", "unproven") and not last.reason:
        yield "the journal does not say why it was undone"
    became_new = end is stage.after and stage.before.whole != stage.after.whole
    if became_new and last.phase != (stage.after.last or last).phase:
        yield f"the journal says {last.phase} of what is there"


def _second_recovery(stage: Stage, found: Found) -> Iterator[str]:
    calls = Calls()
    second = look(stage.site, calls)
    if changed := changing(calls):
        yield f"a second recovery changes something: {', '.join(changed)}"
    if second != found:
        yield "a second recovery finds another site"


def _unfinished(stage: Stage, found: Found) -> Iterator[str]:
    """Whatever happened, the same end can be reached from here; also when nobody confirms."""
    site = stage.site
    if found.waits:
        waiting = site.keep()
        yield from _unconfirmed(stage)
        site.restore(waiting)
    yield from _again(stage)


def _unconfirmed(stage: Stage) -> Iterator[str]:
    site = stage.site
    site.machine.time.pass_by(WAIT)
    found = look(site)
    yield from (f"once its time is over: {fault}" for fault in found.faults)
    if found.open is not None:
        yield "it is not undone when its time is over"
    yield from _again(stage)


def _again(stage: Stage) -> Iterator[str]:
    if not lies_somewhere(stage.site, stage.scenario.theirs):
        yield "what was edited by hand is lost"
    told = again(stage.site, stage.scenario)
    outcome = getattr(told.result, "outcome", None)
    if stage.scenario.name != "expiry" and outcome not in WORKS:
        yield f"the next save does not work: {told.error or told.result}"
    found = look(stage.site)
    yield from (f"after the next save: {fault}" for fault in found.faults)
    if found.whole != stage.final.whole or found.open is not None:
        yield f"after the next save these are wrong: {found.whole.differs(stage.final.whole)}"
