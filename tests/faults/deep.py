"""Kill a process, then the recovery, then the recovery of that, at all triples of calls.

A kill leaves one of few different worlds: killed before any of the calls that only look, it is
the same. So each world is recovered, and killed at each call of its recovery, once; what holds
for it holds for every way that leads to it. Nothing but pids and clocks is taken for equal.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

import attrs

from mailstead.instance import STATE
from tests.faults.calls import Calls, Killed
from tests.faults.driver import Case, Violation, after_process
from tests.faults.harness import DATABASE, Site, Told, World
from tests.faults.kinds import KINDS, Struck
from tests.faults.scenarios import opened
from tests.faults.stages import Stage

DEADLY = ("kill", "torn")
TABLES = (
    "SELECT section, key, field, value, revision FROM running ORDER BY section, key, field",
    "SELECT section, key, field, value FROM draft ORDER BY section, key, field",
    "SELECT number, comment FROM revisions ORDER BY number",
    "SELECT * FROM owned_files ORDER BY path",
    "SELECT path, revision, sha256, mode, choice FROM file_versions ORDER BY path, revision",
    "SELECT sha256 FROM contents ORDER BY sha256",
    "SELECT id, phase, revision, reason, commands FROM saves ORDER BY id",
    "SELECT save, number, begun FROM steps ORDER BY save, number",
    "SELECT event, subject, old, new FROM audit ORDER BY seq",
)


@attrs.frozen
class Place:
    """A world, and one way that led to it."""

    world: World
    way: tuple[int, ...]


@attrs.define
class Explorer:
    """Explores what kills lead to in one scenario.

    Attributes:
        places: by digest, in the order they were found.
        following: by digest, the digests that kills of its recovery lead to.
    """

    stage: Stage
    places: dict[str, Place] = attrs.field(factory=dict[str, Place])
    following: dict[str, tuple[str, ...]] = attrs.field(factory=dict[str, tuple[str, ...]])

    @property
    def site(self) -> Site:
        """Give the site all this happens to."""
        return self.stage.site

    def first(self, points: Iterable[int] | None = None) -> tuple[str, ...]:
        """Kill the scenario at each point; gives the digests."""
        calls = self.stage.calls
        chosen = range(1, len(calls) + 1) if points is None else points
        kills = [(point, kind) for point in chosen for kind in DEADLY
                 if KINDS[kind].suits(calls[point - 1])]  # fmt: skip
        return tuple(self._killed(Place(self.stage.world, ()), *kill) for kill in kills)

    def after(self, digest: str) -> tuple[str, ...]:
        """Kill the recovery of a world at each of its calls; gives the digests."""
        if digest not in self.following:
            place = self.places[digest]
            self.site.restore(place.world)
            calls = Calls()
            self.site.run(opened, calls)
            kills = [(number, kind) for number, call in enumerate(calls.made, start=1)
                     for kind in DEADLY if KINDS[kind].suits(call)]  # fmt: skip
            found = (self._killed(place, *kill, recovering=True) for kill in kills)
            self.following[digest] = tuple(found)
        return self.following[digest]

    def check(self, digest: str) -> Iterator[Violation]:
        """Recover a world, and tell what is wrong with it then."""
        place = self.places[digest]
        self.site.restore(place.world)
        case = Case(self.stage.scenario.name, place.way[0], "kill")
        way = " > ".join(map(str, place.way))
        for problem in after_process(self.stage, Told(error=Killed())):
            yield Violation(case, f"kills at {way}", problem)

    def _killed(self, place: Place, point: int, kind: str, *, recovering: bool = False) -> str:
        self.site.restore(place.world)
        action = opened if recovering else self.stage.scenario.action
        self.site.run(action, Calls(Struck(KINDS[kind], point)))
        self.site.mend()
        digest = digest_of(self.site)
        if digest not in self.places:
            self.places[digest] = Place(self.site.keep(), (*place.way, point))
        return digest


@attrs.frozen
class Depth:
    """What an exploration came to: triples of kills, the worlds they led to, what was wrong."""

    scenario: str
    triples: int
    worlds: int
    violations: tuple[Violation, ...]


def explore(stage: Stage) -> Depth:
    """Kill at all triples of points, and check every world on the way."""
    explorer = Explorer(stage)
    count = sum(
        len(explorer.after(second))
        for first in explorer.first()
        for second in explorer.after(first)
    )  # fmt: skip
    found = [item for digest in list(explorer.places) for item in explorer.check(digest)]
    return Depth(stage.scenario.name, count, len(explorer.places), tuple(found))


def sample_triples(stage: Stage, count: int) -> Iterator[Violation]:
    """Kill at some triples, evenly over the first point, each without any short cut."""
    points = range(1, len(stage.calls) + 1)
    step = max(1, len(points) // count)
    for number, point in enumerate(points[::step]):
        explorer = Explorer(stage)
        (place, *_) = explorer.first([point])
        for depth in (3 * number + 1, 7 * number + 2):
            place = explorer.after(place)[depth % len(explorer.after(place))]
        yield from explorer.check(place)


def digest_of(site: Site) -> str:
    """Name what is there by its content, whatever pids and clocks were."""
    nodes = [(_timeless(str(path)), node.kind, node.mode, node.uid, node.gid, node.content,
              node.target, sorted(node.attributes.items()))
             for path, node in site.machine.tree.nodes.items()]  # fmt: skip
    daemons = [(known.name, known.pid in site.machine.processes.running, known.at_boot,
                sorted(known.loaded.items()), sorted(known.broken.items()))
               for known in site.services.daemons.values()]  # fmt: skip
    rows = [(str(path), name, sorted(table.items())) for path, tables in site.machine.rows.items()
            for name, table in tables.items()]  # fmt: skip
    outside = (site.machine.packages, site.machine.users, site.machine.login)
    parts = (sorted(nodes), sorted(daemons), sorted(rows), outside, _database(site))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _timeless(path: str) -> str:
    """Leave the pid out of the name of a staging folder."""
    head, found, tail = path.partition(f"{STATE}/staging/")
    return f"{head}{found}*/{tail.partition('/')[2]}" if found else path


def _database(site: Site) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(site.folder / DATABASE)) as connection:
        return [connection.execute(statement).fetchall() for statement in TABLES]
