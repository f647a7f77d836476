"""The moments of a save, as points of a scenario: prepared, written, acted, proven, committed."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.calls import COMMIT, Calls
from tests.faults.harness import Told
from tests.faults.kinds import KINDS, Struck
from tests.faults.stages import Stage, look
from tests.faults.wholes import Found


def points(stage: Stage, name: str, *, below: str = "") -> list[int]:
    """Give the points of calls of a name, of files below a system path where one is given."""
    found = [(number, call) for number, call in enumerate(stage.calls, start=1)
             if call.name == name]  # fmt: skip
    if below:
        prefix = f"{stage.site.folder}{below}"
        found = [item for item in found if str(item[1].args[0]).startswith(prefix)]
    return [number for number, _ in found]


def prepared(stage: Stage) -> int:
    """Give the point at which the journal becomes durable in the store."""
    last = points(stage, "store INSERT steps")[-1]
    return next(point for point in points(stage, COMMIT) if point > last)


def writes(stage: Stage) -> list[int]:
    """Give the points at which a live file is replaced."""
    return [point for point in points(stage, "replace_file", below="/etc/")
            if point > prepared(stage)]  # fmt: skip


def committed(stage: Stage) -> int:
    """Give the point at which the revision becomes durable."""
    made = points(stage, "store INSERT revisions")[-1]
    return next(point for point in points(stage, COMMIT) if point > made)


def services(stage: Stage) -> list[int]:
    """Give the points at which something is done to a daemon."""
    return [number for number, call in enumerate(stage.calls, start=1)
            if call.name.startswith("service.") and call.lasts]  # fmt: skip


def strike(stage: Stage, point: int, kind: str = "kill") -> Told:
    """Let a fault strike; nobody has opened the site since."""
    stage.site.restore(stage.world)
    told = stage.site.run(stage.scenario.action, Calls(Struck(KINDS[kind], point)))
    stage.site.mend()
    return told


def killed(stage: Stage, numbers: list[int], kind: str = "kill") -> Iterator[tuple[int, Found]]:
    """Kill at each point, and give what is found by the next process."""
    for point in numbers:
        strike(stage, point, kind)
        yield point, look(stage.site)
