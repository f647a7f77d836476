"""Run the driver over everything and print what was found: see script/faults."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.pool import Pool
from multiprocessing.util import Finalize
from typing import Any

from tests.faults.deep import Depth, explore
from tests.faults.driver import Case, Violation, cases, run_case, sample
from tests.faults.kinds import KINDS
from tests.faults.stages import SCENARIOS, Stage, workshop

CHUNK = 40  # cases a worker is given at once
_worker: dict[str, Any] = {}


def main() -> int:
    """Run what was asked for; gives the exit status."""
    wanted = _arguments()
    if wanted.only:
        return _tell(_once(wanted.only))
    names = wanted.scenario or list(SCENARIOS)
    start = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(os.cpu_count(), _begin) as pool:
        chosen = [case for found in pool.map(_list, names, 1) for case in found]
        if wanted.sample:
            chosen = sample(chosen, wanted.sample)
        violations = _run(pool, chosen)
        _tell_table(chosen, violations)
        for depth in pool.imap_unordered(_explore, names if wanted.deep else ()):
            _tell_depth(depth)
            violations += depth.violations
        pool.close()
        pool.join()
    status = _tell(violations)
    _tell_figure(chosen, violations, time.monotonic() - start)
    return status


def _tell_depth(depth: Depth) -> None:
    _say(f"{depth.scenario}: {depth.triples:,} triples of kills lead to {depth.worlds} states, "
         f"{len(depth.violations)} violations")  # fmt: skip


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/faults", description=__doc__)
    parser.add_argument("--deep", action="store_true", help="also kills of recoveries, three deep")
    parser.add_argument("--sample", type=int, metavar="N", help="so many cases, evenly")
    parser.add_argument("--scenario", nargs="+", choices=list(SCENARIOS), help="some scenarios")
    parser.add_argument("--only", metavar="SCENARIO:POINT:FAULT", help="one case again")
    return parser.parse_args()


def _once(text: str) -> list[Violation]:
    name, point, kind = text.split(":")
    with workshop() as make:
        stage = make(SCENARIOS[name])
        _say(f"{text} at {stage.calls[int(point) - 1]}")
        return run_case(stage, Case(name, int(point), kind))


def _run(pool: Pool, chosen: Sequence[Case]) -> list[Violation]:
    """Run cases on all cores, those of a scenario together."""
    chunks = [chosen[start : start + CHUNK] for start in range(0, len(chosen), CHUNK)]
    found, done = [], 0
    for count, violations in pool.imap_unordered(_run_chunk, chunks):
        done += count
        found += violations
        sys.stderr.write(f"\r{done} of {len(chosen)} cases")
        sys.stderr.flush()
    sys.stderr.write("\n")
    return found


def _begin() -> None:
    """Make a worker's own workshop; it is gone when the worker ends."""
    stack = ExitStack()
    _worker["make"] = stack.enter_context(workshop())
    Finalize(None, stack.close, exitpriority=10)


def _stage(name: str) -> Stage:
    stage: Stage = _worker["make"](SCENARIOS[name])
    return stage


def _list(name: str) -> list[Case]:
    return list(cases(_stage(name)))


def _run_chunk(chunk: Sequence[Case]) -> tuple[int, list[Violation]]:
    return len(chunk), [item for case in chunk for item in run_case(_stage(case.scenario), case)]


def _explore(name: str) -> Depth:
    return explore(_stage(name))


def _tell_table(chosen: Sequence[Case], violations: Iterable[Violation]) -> None:
    """Print a line a scenario: its calls, the cases of each fault, what was violated."""
    wrong = Counter(item.case.scenario for item in violations)
    _say(f"{'scenario':12}  calls" + "".join(f"  {name:>10}" for name in KINDS) + "  violations")
    for name, counts in _by_scenario(chosen):
        calls = len({case.point for case in chosen if case.scenario == name})
        cells = "".join(f"  {counts[kind] or '-':>10}" for kind in KINDS)
        _say(f"{name:12}  {calls:5}{cells}  {wrong[name]:10}")


def _by_scenario(chosen: Sequence[Case]) -> Iterator[tuple[str, Counter[str]]]:
    for name in dict.fromkeys(case.scenario for case in chosen):
        yield name, Counter(case.kind for case in chosen if case.scenario == name)


def _tell(violations: Sequence[Violation]) -> int:
    for violation in violations:
        _say(f"violated: {violation}")
    if violations:
        _say("again, alone: script/faults --only SCENARIO:POINT:FAULT")
    return 1 if violations else 0


def _tell_figure(chosen: Sequence[Case], violations: Sequence[Violation], took: float) -> None:
    points = len({(case.scenario, case.point) for case in chosen})
    _say(f"{points:,} crash points x {len(KINDS)} faults ({len(chosen):,} cases), "
         f"{len(violations)} violations; {took:.0f} s")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
