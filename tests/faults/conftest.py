"""A site with the greeter module, saved once and with a change in its draft."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.instance import STATE, Instance
from mailstead.machine.base import Path as MachinePath
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.registry import Registry
from tests.core import greeter
from tests.core.packages import Packages
from tests.faults.harness import Site


def make_site(folder: Path, packages: Packages) -> Site:
    """Make an instance whose greeter is not enabled yet."""
    source = packages.add(
        "greeter", greeter.MANIFEST, greeter.CODE, conf=greeter.CONF, secret=greeter.SECRET
    )
    machine = FakeMachine()
    machine.available["greeterd"] = "1.0"
    (folder / STATE.lstrip("/")).mkdir(parents=True)
    instance = Instance(
        prefix=MachinePath(folder), kind="sandbox", addresses=("127.0.0.1",),
        port_offset=10000, soak=1.0,
    )  # fmt: skip
    Engine.init(instance, machine=machine)
    return Site(folder, machine, FakeServices(machine), Registry.discover([source]))


@pytest.fixture
def site(tmp_path: Path, packages: Packages) -> Site:
    """Give a site whose greeter is not enabled yet."""
    return make_site(tmp_path, packages)
