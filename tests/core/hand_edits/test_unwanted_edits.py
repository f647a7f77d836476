"""Tests of files edited by hand that no template gives any more, or that change hands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.errors import ConsentNeeded
from mailstead.hand_edits.answers import Answer
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.machine.values import Completed
from mailstead.machine.values import Path as MachinePath
from mailstead.registry import Registry
from mailstead.settings.decisions import Choice
from mailstead.testing import fake_engine
from mailstead.transaction.request import Request
from tests.core.packages import Packages
from tests.core.transaction.conftest import Site

EXTRA = "/etc/lamp.d/extra.conf"
PATHS = """
[[paths]]
path = "/etc/lamp.conf"
reason = "lights"
[[paths]]
path = "/etc/lamp.d/extra.conf"
reason = "lights more"
"""
CODE = '''
from mailstead.plugin import *


@form(title="Light")
class Options:
    """How it shines."""

    colour: types.Text = field(default="red", help="of the light")
    extra: bool = field(default=True, help="more of it")


def chosen(context):
    """Only when it is asked for."""
    return "extra.j2" if context.settings.form(Options).extra else None


module = Module(
    sections=[Options],
    files=[Template("/etc/lamp.conf", "lamp.j2"), Template("/etc/lamp.d/extra.conf", chosen)],
    checks=[Check("lampd -t", ("lampd", "-t", "{staged:/etc/lamp.d/extra.conf}"))],
)
'''
ONE = PATHS.partition('[[paths]]\npath = "/etc/lamp.d')[0]
PLAIN = """
from mailstead.plugin import *

module = Module(files=[Template("/etc/lamp.conf", "lamp.j2")])
"""


@pytest.fixture
def lamp(tmp_path: Path, packages: Packages) -> Iterator[Site]:
    """Give a saved site with a module that has a file it can do without, edited by hand."""
    source = packages.add("lamp", PATHS, CODE, lamp="{{ options.colour }}\n", extra="more\n")
    machine = FakeMachine()
    services = FakeServices(machine)
    plugins = {source.name: source.package}
    with fake_engine(tmp_path, plugins, machine=machine, services=services) as engine:
        site = Site(engine, machine, services)
        engine.enable(["lamp"], consents=["lamp"])
        assert site.save() == "committed"
        machine.add_file(engine.instance.path(EXTRA), b"mine\n")
        unwant(site)
        yield site


def unwant(site: Site, *, extra: bool = False) -> None:
    """Set whether the file is wanted."""
    site.engine.editor.set_form("lamp.options", {"extra": extra}, site.engine.actor)


def save(site: Site, choice: Choice) -> str:
    """Save with an answer."""
    return site.engine.save(Request(answers=[Answer(EXTRA, choice)])).outcome


def test_an_unwanted_file_that_was_edited_is_asked_about(lamp: Site) -> None:
    """It can be kept or taken away; there is nothing to merge with."""
    with pytest.raises(ConsentNeeded):
        lamp.engine.save()
    (edit,) = lamp.engine.plan().edits
    assert (edit.offers, edit.ours, edit.wanted) == (("keep", "take"), None, False)
    assert lamp.content(EXTRA) == b"mine\n"


def test_it_goes_when_that_is_asked_for_and_lies_aside(lamp: Site) -> None:
    """And is ours no more."""
    assert save(lamp, "take") == "committed"
    assert lamp.content(EXTRA) is None
    (kept,) = lamp.engine.edits.kept_aside()
    assert kept.version.content == b"mine\n"
    assert lamp.engine.plan().is_empty
    assert lamp.engine.edits.restore(EXTRA).id == kept.id
    assert lamp.content(EXTRA) == b"mine\n"


def test_it_stays_when_it_is_kept_and_is_shown_and_checked(lamp: Site) -> None:
    """Its daemon may read it, so it is in what the checkers are given."""
    seen: list[str] = []

    def check(argv: Sequence[str]) -> Completed:
        seen.append(lamp.machine.tree.read(MachinePath(argv[-1]), 99).decode())
        return Completed(0, "", "")

    lamp.machine.on_command(["lampd", "-t"], check)
    assert save(lamp, "keep") == "committed"
    assert (lamp.content(EXTRA), lamp.engine.plan().is_empty) == (b"mine\n", True)
    (edit,) = lamp.engine.plan().edits
    assert (edit.state, edit.is_left_alone) == ("kept", True)
    lamp.engine.editor.set_form("lamp.options", {"colour": "blue"}, lamp.engine.actor)
    assert lamp.save() == "committed"
    assert seen == ["mine\n", "mine\n"]


def test_one_that_was_kept_is_asked_about_when_it_is_wanted_again(lamp: Site) -> None:
    """Ours was nothing, and is something now."""
    save(lamp, "keep")
    unwant(lamp, extra=True)
    (edit,) = lamp.engine.plan().edits
    assert (edit.asks, edit.base, edit.ours) == (True, None, b"more\n")
    assert save(lamp, "take") == "committed"
    assert lamp.content(EXTRA) == b"more\n"


def test_one_that_was_kept_may_go_by_hand_without_a_word(lamp: Site) -> None:
    """Nobody wants it."""
    save(lamp, "keep")
    lamp.machine.remove_file(lamp.engine.instance.path(EXTRA))
    assert lamp.engine.plan().is_empty
    assert [row.edits for row in lamp.engine.status()] == [()]


def test_an_unwanted_file_that_nobody_edited_goes_without_a_question(lamp: Site) -> None:
    """It is ours, and what we had is in the history of files."""
    lamp.machine.add_file(lamp.engine.instance.path(EXTRA), b"more\n")
    assert lamp.save() == "committed"
    assert (lamp.content(EXTRA), lamp.engine.edits.kept_aside()) == (None, ())


def test_a_file_that_changes_hands_is_neither_removed_nor_taken_unseen(
    tmp_path: Path, packages: Packages
) -> None:
    """A newer plugin gives it, an older one gave it up; the plan names the former owner."""
    old = [packages.add("lamp", ONE, PLAIN, lamp="red\n"), packages.add("torch")]
    new = [packages.add("lamp"), packages.add("torch", ONE, PLAIN, lamp="blue\n")]
    machine = FakeMachine()
    services = FakeServices(machine)
    plugins = {source.name: source.package for source in old}
    with fake_engine(tmp_path, plugins, machine=machine, services=services) as engine:
        engine.enable(["lamp", "torch"], consents=["lamp", "torch"])
        assert engine.save().outcome == "committed"
    registry = Registry.discover(new)
    with Engine.open(tmp_path, machine=machine, registry=registry, services=services) as engine:
        engine.enable(["torch"], consents=["torch"])
        (change,) = engine.plan().files
        assert (change.kind, change.module, change.note) == (
            "change", "torch", "it was module lamp's",
        )  # fmt: skip
        assert engine.save().outcome == "committed"
        assert machine.read_file(engine.instance.path("/etc/lamp.conf")) == b"blue\n"
        assert engine.plan().is_empty
