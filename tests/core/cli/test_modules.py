"""Tests of the commands about modules, where one of them cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailstead.cli.app import App
from mailstead.cli.modules import disable, list_modules, status
from mailstead.cli.save import plan
from mailstead.engine import Engine
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.registry import Registry
from mailstead.testing import fake_engine
from tests.core.packages import Packages


@pytest.fixture
def app(tmp_path: Path, packages: Packages) -> Iterator[App]:
    """Give the command line of an instance that has enabled a module that is gone."""
    source = packages.add("gone")
    machine = FakeMachine()
    with fake_engine(tmp_path, {"gone": source.package}, machine=machine) as engine:
        engine.enable(["gone"])
        engine.save()
    registry = Registry.discover([packages.add("fine")])
    services = FakeServices(machine)
    with Engine.open(tmp_path, machine=machine, registry=registry, services=services) as engine:
        made = App(prefix=str(tmp_path), yes=True)
        made.engine = engine
        yield made


def test_status_warns_of_it_and_exits_with_3(app: App) -> None:
    """Nobody knows whether its daemons run."""
    done = CliRunner().invoke(status, [], obj=app, standalone_mode=False)
    assert done.return_value == 3
    assert "warning: gone is enabled, and broken: its package is not installed" in done.stderr


def test_modules_lists_it_with_the_reason(app: App) -> None:
    """Beside those that can be used."""
    done = CliRunner().invoke(list_modules, [], obj=app, standalone_mode=False)
    assert "broken" in done.output
    assert "its package is not installed" in done.output
    assert "installed" in next(line for line in done.output.splitlines() if "fine" in line)


def test_disable_takes_it_and_says_what_is_left_to_do(app: App) -> None:
    """Its daemons cannot be stopped by us."""
    done = CliRunner().invoke(disable, ["gone"], obj=app, standalone_mode=False)
    assert "gone: disabled when you save" in done.output
    assert "stop its daemons yourself" in done.stderr
    done = CliRunner().invoke(plan, [], obj=app, standalone_mode=False)
    assert "stop what still runs of them yourself" in done.output


def test_the_plan_says_that_it_is_left_alone(app: App) -> None:
    """Also when there is nothing else to save."""
    done = CliRunner().invoke(plan, [], obj=app, standalone_mode=False)
    assert "module gone is broken (its package is not installed)" in done.output
    assert "There is nothing to save." in done.output
