"""Modules that an instance has enabled and that cannot be used any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePath

import pytest

from mailstead.engine import Engine
from mailstead.errors import InvalidInput, ModuleUnavailable
from mailstead.registry import Registry, Source
from mailstead.settings.file_history import FileHistory
from mailstead.status import ModuleStatus
from tests.core import greeter
from tests.core.packages import Packages
from tests.core.transaction.conftest import Site

OTHER = """
from mailstead.plugin import *

@form(title="Other")
class Options:
    word: types.Text = field(default="a")

module = Module(sections=[Options], files=[Template("/etc/other", "other.j2")])
"""
BROKEN = "raise RuntimeError('no longer works')"
CONF = "/etc/greeter.conf"
Reopen = Callable[..., Site]


@pytest.fixture
def reopen(saved: Site, packages: Packages) -> Iterator[Reopen]:
    """Give a maker of the saved site beside another module; without a greeter it is gone."""
    other = packages.add(
        "other", '[[paths]]\npath = "/etc/other"\nreason = "x"', OTHER, other="{{ options.word }}\n"
    )
    saved.machine.add_file(saved.engine.instance.path("/etc/other"), b"theirs\n")
    folder = saved.engine.instance.prefix
    saved.engine.close()
    with ExitStack() as stack:

        def made(*greeters: Source) -> Site:
            registry = Registry.discover([*greeters, other])
            opened = stack.enter_context(_opened(folder, registry, saved))
            return Site(opened, saved.machine, saved.services)

        yield made


@contextmanager
def _opened(folder: PurePath, registry: Registry, site: Site) -> Iterator[Engine]:
    engine = Engine.open(folder, machine=site.machine, registry=registry, services=site.services)
    with engine:
        yield engine


def row(site: Site, name: str = "greeter") -> ModuleStatus:
    """Give a module's status."""
    return next(item for item in site.engine.status() if item.id == name)


def enable_other(site: Site) -> None:
    """Enable and change the other module."""
    site.engine.enable(["other"], consents=["other"])
    site.engine.editor.set_form("other.options", {"word": "b"}, site.engine.actor)


def test_a_module_that_vanished_is_broken_with_the_reason(reopen: Reopen) -> None:
    """And still counted as enabled."""
    found = row(reopen())
    assert (found.state, found.enabled, found.doing) == ("broken", True, "")
    assert found.reason == "its package is not installed"


def test_a_module_that_broke_is_broken_with_the_reason(reopen: Reopen, packages: Packages) -> None:
    """In the words of its import."""
    source = packages.add("greeter", greeter.MANIFEST, BROKEN)
    found = row(reopen(source))
    assert (found.state, found.enabled) == ("broken", True)
    assert "no longer works" in found.reason


@pytest.mark.parametrize("code", ["", BROKEN, "from mailstead.plugin import *\n@form(title='x')\n"
                                  "class A:\n x: int\nmodule = Module(sections=[A])"])  # fmt: skip
def test_the_others_are_saved_and_nothing_of_it_is_touched(
    reopen: Reopen, packages: Packages, code: str
) -> None:
    """Neither a file nor a daemon; the plan says so."""
    sources = [packages.add("greeter", greeter.MANIFEST, code)] if code else []
    site = reopen(*sources)
    before = site.tree()
    pid = site.services.of("greeterd").pid
    enable_other(site)
    plan = site.engine.plan()
    assert [item.path for item in plan.files] == ["/etc/other"]
    assert plan.services == ()
    assert any("module greeter is broken" in note for note in plan.notes)
    assert site.save() == "committed"
    after = site.tree()
    assert {path for path in after if after[path] != before.get(path)} == {
        str(site.engine.instance.path("/etc/other"))
    }
    assert (site.services.of("greeterd").pid, site.services.of("greeterd").stops) == (pid, 0)
    assert CONF in FileHistory(site.engine.store).owned()
    assert row(site).enabled


def test_it_cannot_be_started_or_enabled(reopen: Reopen) -> None:
    """With the reason."""
    site = reopen()
    for call in (site.engine.start, site.engine.restart, site.engine.stop):
        with pytest.raises(ModuleUnavailable, match="its package is not installed"):
            call("greeter")
    with pytest.raises(ModuleUnavailable, match="its package is not installed"):
        site.engine.enable(["greeter"])


def test_disabling_it_leaves_its_files_and_forgets_them(reopen: Reopen) -> None:
    """Its daemon goes on, and the plan says whose business that is."""
    site = reopen()
    before = site.tree()
    site.engine.disable(["greeter"])
    plan = site.engine.plan()
    assert (plan.files, plan.services, plan.disable) == ((), (), ("greeter",))
    assert {CONF, "/etc/greeter.secret"} <= set(plan.forgotten)
    assert any("stop what still runs of them yourself" in note for note in plan.notes)
    assert site.save() == "committed"
    assert site.tree() == before
    assert FileHistory(site.engine.store).owned() == {}
    assert not row(site).enabled
    assert site.engine.plan().is_empty


def test_disabling_it_can_put_back_what_stood_there(
    site: Site, reopen_after: Callable[[Site], Site]
) -> None:
    """From the originals that were kept; no code of it is needed."""
    site.machine.add_file(site.engine.instance.path(CONF), b"mine\n", mode=0o640)
    site.engine.enable(["greeter"], consents=["greeter"])
    assert site.save() == "committed"
    again = reopen_after(site)
    again.engine.disable(["greeter"], restore=True)
    plan = again.engine.plan()
    assert CONF in [item.path for item in plan.files]
    assert CONF not in plan.forgotten
    assert again.save() == "committed"
    assert again.content(CONF) == b"mine\n"
    assert again.content("/etc/greeter.secret") is None
    assert FileHistory(again.engine.store).owned() == {}


@pytest.fixture
def reopen_after() -> Iterator[Callable[[Site], Site]]:
    """Give a function that opens a site again without any plugin."""
    with ExitStack() as stack:

        def made(site: Site) -> Site:
            folder = site.engine.instance.prefix
            site.engine.close()
            opened = stack.enter_context(_opened(folder, Registry.discover([]), site))
            return Site(opened, site.machine, site.services)

        yield made


def test_it_is_gone_from_the_list_once_it_is_disabled(
    saved: Site, reopen_after: Callable[[Site], Site]
) -> None:
    """Nothing of the instance knows it any more."""
    site = reopen_after(saved)
    site.engine.disable(["greeter"])
    assert site.save() == "committed"
    again = reopen_after(site)
    assert again.engine.status() == ()
    with pytest.raises(ModuleUnavailable, match="no such module"):
        again.engine.registry.entry("greeter")


def test_it_comes_back_as_it_was(reopen: Reopen, packages: Packages) -> None:
    """Installed again, it is enabled, its settings and files are its own."""
    site = reopen()
    enable_other(site)
    assert site.save() == "committed"
    site.engine.close()
    source = packages.add(
        "greeter", greeter.MANIFEST, greeter.CODE, conf=greeter.CONF, secret=greeter.SECRET
    )
    again = reopen(source)
    assert row(again).state == "enabled"
    assert again.engine.plan().is_empty


def test_what_needs_it_is_blocked_and_leaves_with_it(
    site: Site, packages: Packages, tmp_path: Path
) -> None:
    """The dependant cannot be left behind."""
    needs = packages.add("needs", 'enable_depends = ["greeter"]')
    source = packages.add(
        "greeter", greeter.MANIFEST, greeter.CODE, conf=greeter.CONF, secret=greeter.SECRET
    )
    site.engine.close()
    registry = Registry.discover([source, needs])
    with _opened(tmp_path, registry, site) as engine:
        engine.enable(["greeter", "needs"], consents=["greeter", "needs"])
        assert engine.save().outcome == "committed"
    with _opened(tmp_path, Registry.discover([needs]), site) as engine:
        states = {item.id: (item.state, item.enabled) for item in engine.status()}
        assert states == {"greeter": ("broken", True), "needs": ("blocked", True)}
        with pytest.raises(InvalidInput, match="disable needs as well"):
            engine.disable(["greeter"])
        engine.disable(["needs", "greeter"])
        assert engine.save().outcome == "committed"
        assert not any(item.enabled for item in engine.status())
