"""Scenarios made ready: the site as the process finds it, and how that may end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import jinja2
import pytest

from mailstead.machine.fake import FakeMachine
from mailstead.registry import Registry
from tests.core.packages import Packages
from tests.faults.all_modules import ALL, ALL_SCENARIOS, machine_for_all, registry_of_all
from tests.faults.calls import Call, Calls
from tests.faults.harness import Site, Told, World, short_folder
from tests.faults.scenarios import (
    GREETER,
    GREETER_SCENARIOS,
    OTHER_LOGIN,
    WAIT,
    Scenario,
    greeter_machine,
    greeter_registry,
)  # fmt: skip
from tests.faults.wholes import Found, find

Kit = Callable[[Packages], tuple[FakeMachine, Registry]]
KITS: Mapping[str, Kit] = {
    GREETER: lambda packages: (greeter_machine(), greeter_registry(packages)),
    ALL: lambda _: (machine_for_all(), registry_of_all()),
}
SCENARIOS = {scenario.name: scenario for scenario in (*GREETER_SCENARIOS, *ALL_SCENARIOS)}


@attrs.frozen
class Stage:
    """A scenario made ready.

    Attributes:
        world: the site as the process finds it.
        calls: what the process calls when nothing goes wrong.
        told: what it tells then.
        before, after: how the site may be found afterwards.
        lapsed: how it is found when nobody confirmed what waits, if anything does.
        final: how it is found once `again` has worked.
    """

    scenario: Scenario
    site: Site
    world: World
    calls: tuple[Call, ...]
    told: Told
    before: Found
    after: Found
    lapsed: Found | None
    final: Found


@contextmanager
def workshop() -> Iterator[Callable[[Scenario], Stage]]:
    """Give what makes stages; everything it made is gone afterwards."""
    patch = pytest.MonkeyPatch()
    patch.setattr(jinja2.Environment, "compile", _compile_once())
    with short_folder() as folder:
        packages = Packages(folder, patch)
        made: dict[str, Stage] = {}

        def make(scenario: Scenario) -> Stage:
            if scenario.name not in made:
                made[scenario.name] = prepare(scenario, folder / f"{len(made)}", packages)
            return made[scenario.name]

        try:
            yield make
        finally:
            patch.undo()


def _compile_once() -> Callable[..., Any]:
    """Give a compiler of templates that remembers: each process would compile them anew."""
    really, made = jinja2.Environment.compile, dict[Any, Any]()

    def compile_once(self: jinja2.Environment, *words: Any) -> Any:
        if words not in made:
            made[words] = really(self, *words)
        return made[words]

    return compile_once


def prepare(scenario: Scenario, folder: Path, packages: Packages) -> Stage:
    """Make a scenario ready, and let it go well once."""
    machine, registry = KITS[scenario.kit](packages)
    site = Site.make(folder, machine, registry)
    scenario.prepare(site)
    world = site.keep()
    before = look(site)
    site.restore(world)
    calls = Calls()
    told = site.run(scenario.action, calls)
    assert told.error is None, f"{scenario.name}: {told.error}"
    site.mend()
    done = site.keep()
    after = look(site)
    waiting = done if after.waits else world if before.waits else None
    lapsed = _lapse(site, waiting) if waiting else None
    site.restore(done)
    again(site, scenario)
    final = look(site)
    for found in (before, after, lapsed, final):
        assert found is None or not found.faults, f"{scenario.name}: {found.faults}"
    return Stage(scenario, site, world, tuple(calls.made), told, before, after, lapsed, final)


def _lapse(site: Site, waiting: World) -> Found:
    site.restore(waiting)
    site.machine.time.pass_by(WAIT)
    return look(site)


def look(site: Site, calls: Calls | None = None) -> Found:
    """Open the site and look at it."""
    told = site.run(lambda engine: find(site, engine), calls)
    if told.error is not None:
        raise told.error
    found = told.result
    assert isinstance(found, Found)
    return found


def again(site: Site, scenario: Scenario) -> Told:
    """Do what must work afterwards, over another login."""
    site.machine.login = OTHER_LOGIN
    return site.run(scenario.again)
