r"""For module authors' tests: an engine over a fake machine, in a temporary folder. Public.

def test_it_writes_the_greeting(tmp_path):
with fake_engine(tmp_path, {"motd": "mailstead_motd"}) as engine:
engine.enable(["motd"], consents=["motd"])
assert engine.save().outcome == "committed"
assert engine.machine.read_file(engine.instance.path("/etc/motd")) == b"Welcome\n"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path as HostPath
from typing import Any, cast

import attrs

from mailstead.engine import Engine
from mailstead.instance import STATE, Instance
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.machine.values import Path
from mailstead.registry import Registry, Source

__all__ = [
    "FakeMachine",
    "FakeServices",
    "fake",
    "fake_engine",
    "paths",
    "refuse_impure_rendering",
    "sources",
]


def sources(plugins: Mapping[str, str]) -> tuple[Source, ...]:
    """Give plugin sources from entry point names and package names."""
    return tuple(Source(name, package) for name, package in plugins.items())


@contextmanager
def fake_engine(
    folder: HostPath,
    plugins: Mapping[str, str],
    *,
    machine: FakeMachine | None = None,
    services: FakeServices | None = None,
    **instance: Any,
) -> Iterator[Engine]:
    """Open an engine whose machine is fake; only its settings store is a real file.

    Args:
        folder: a temporary folder.
        plugins: entry point name to package.
        machine: a prepared fake machine.
        services: a prepared fake service control.
        instance: fields of `Instance` that differ from a sandbox on 127.0.0.1.
    """
    machine = machine or FakeMachine()
    services = services or FakeServices(machine, Path(folder))
    (folder / STATE.lstrip("/")).mkdir(parents=True, exist_ok=True)
    fields = {"kind": "sandbox", "addresses": ("127.0.0.1",), "port_offset": 10000, "soak": 1.0}
    made = Instance(prefix=Path(folder), **{**fields, **instance})
    Engine.init(attrs.evolve(made), machine=machine)
    registry = Registry.discover(sources(plugins))
    engine = Engine.open(folder, machine=machine, registry=registry, services=services)
    try:
        yield engine
    finally:
        engine.close()


def refuse_impure_rendering(engine: Engine) -> None:
    """Fail unless rendering the draft twice gives the same plan, byte for byte."""
    first, second = engine.plan(), engine.plan()
    assert first == second, "rendering twice gave different plans"  # noqa: S101


def fake(engine: Engine) -> FakeMachine:
    """Give the fake machine of an engine made by `fake_engine`."""
    return cast("FakeMachine", engine.machine)


def paths(items: Iterable[Any]) -> list[str]:
    """Give the system paths of a plan's files."""
    return [item.path for item in items]
