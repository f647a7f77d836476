"""A greeter module over a fake machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from mailstead.engine import Engine
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.testing import fake_engine
from tests.core import greeter
from tests.core.packages import Packages


@attrs.frozen
class Site:
    """An engine with the greeter module, its machine and its daemons."""

    engine: Engine
    machine: FakeMachine
    services: FakeServices

    def content(self, path: str) -> bytes | None:
        """Read a file of the instance; ``None`` when there is none."""
        real = self.engine.instance.path(path)
        return self.machine.read_file(real) if self.machine.stat_file(real) else None

    def tree(self) -> dict[str, tuple[bytes, int, int, int]]:
        """Give all files of the instance outside Mailstead's own folder, with their rights."""
        root = self.engine.instance.prefix
        own = self.engine.instance.state_path()
        found: dict[str, tuple[bytes, int, int, int]] = {}
        queue = [root]
        while queue:
            folder = queue.pop()
            for name in self.machine.tree.names(folder):
                path = folder / name
                state = self.machine.tree.stat(path)
                assert state is not None
                if path == own:
                    continue
                if state.kind == "directory":
                    queue.append(path)
                else:
                    content = self.machine.tree.read(path, 1 << 20)
                    found[str(path)] = (content, state.mode, state.uid, state.gid)
        return found

    def set(self, **values: object) -> None:
        """Change the greeter's options in the draft."""
        self.engine.editor.set_form("greeter.options", values, self.engine.actor)

    def save(self) -> str:
        """Save and give the outcome."""
        return self.engine.save().outcome


@pytest.fixture
def site(tmp_path: Path, packages: Packages) -> Iterator[Site]:
    """Give a site whose greeter is not enabled yet."""
    source = packages.add(
        "greeter", greeter.MANIFEST, greeter.CODE, conf=greeter.CONF, secret=greeter.SECRET
    )
    machine = FakeMachine()
    machine.available["greeterd"] = "1.0"
    services = FakeServices(machine)
    plugins = {source.name: source.package}
    with fake_engine(tmp_path, plugins, machine=machine, services=services) as engine:
        yield Site(engine, machine, services)


@pytest.fixture
def saved(site: Site) -> Site:
    """Give a site whose greeter is enabled, saved and running."""
    site.engine.enable(["greeter"], consents=["greeter"])
    assert site.save() == "committed"
    site.machine.calls.clear()
    return site


@pytest.fixture
def edited(saved: Site) -> Site:
    """Give a site whose file was edited, and whose draft would change it too."""
    path = saved.engine.instance.path("/etc/greeter.conf")
    saved.machine.add_file(path, b"greeting hello\nport 7000\n# mine\n")
    saved.set(greeting="hi")
    return saved
