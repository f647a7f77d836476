"""What is told of a module's daemons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.testing import fake_engine
from tests.core.packages import Packages

CODE = """
from mailstead.plugin import *

@form(title="Lamps")
class Options:
    \"\"\"Which shine.\"\"\"

    second: bool = field(default=False, help="whether there are two")

def is_wanted(context):
    return context.settings.form(Options).second

module = Module(
    sections=[Options],
    daemons=[Daemon("lampd"), Daemon("secondd", runs_when=is_wanted)],
)
"""


@pytest.fixture
def engine(tmp_path: Path, packages: Packages) -> Iterator[Engine]:
    """Give a module with a daemon that its settings switch off."""
    source = packages.add("lamp", code=CODE)
    machine = FakeMachine()
    services = FakeServices(machine)
    with fake_engine(
        tmp_path, {source.name: source.package}, machine=machine, services=services
    ) as made:
        made.enable(["lamp"], consents=["lamp"])
        assert made.save().outcome == "committed"
        yield made


def test_a_daemon_that_is_switched_off_is_not_missing(engine: Engine) -> None:
    """It is told of while it runs, or should."""
    (row,) = engine.status()
    assert (row.doing, [item.name for item in row.daemons]) == ("running", ["lampd"])
    engine.editor.set_form("lamp.options", {"second": True}, engine.actor)
    engine.save()
    (row,) = engine.status()
    assert (row.doing, [item.name for item in row.daemons]) == ("running", ["lampd", "secondd"])
    engine.stop("lamp")
    (row,) = engine.status()
    assert (row.doing, [item.pid for item in row.daemons]) == ("stopped", [None, None])
