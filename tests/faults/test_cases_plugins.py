"""Cases 12 and 29: a plugin that raises, exits, hangs, lies, grows, breaks or is gone.

Each kind of call by itself is in tests/core/transaction/test_bad_plugins.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from mailstead.engine import Engine
from mailstead.errors import MailsteadError, PlanError
from mailstead.registry import Registry, Source
from tests.core import greeter
from tests.core.packages import Packages
from tests.faults.calls import Calls
from tests.faults.harness import Site, save, short_folder
from tests.faults.kinds import KINDS, Struck
from tests.faults.scenarios import CONF, GREETER, enable, greeter_machine, set_options
from tests.faults.stages import look
from tests.faults.wholes import deaf_daemons, outside_of

MANIFEST = """
[[paths]]
path = "/etc/bad.conf"
reason = "is bad"
"""
CODE = '''
from mailstead.plugin import *


@form(title="Word")
class Options:
    """What it says."""

    word: types.Text = field(default="old", help="the word")


def work():
    BODY


def variables(context):
    work()
    return {}


def prepare(context, machine):
    WHEN_PREPARED


module = Module(
    sections=[Options],
    files=[Template("PATH", "conf.j2", variables=variables)],
    daemons=[Daemon("badd", reads=("/etc/bad.conf",))],
    prepare=prepare,
)
'''
TEMPLATE = "word {{ options.word }}\n"
HASTE = 500.0  # deadlines of ten seconds and a minute are over in a moment
WAYS = {
    "raises": ("raise KeyError('gone')", "KeyError"),
    "exits": ("raise SystemExit(3)", "SystemExit"),
    "hangs": ("while True: pass", "did not answer within 10 s"),
    "catches all and hangs": (
        "while True:\n        try: work.x\n        except Exception: pass",
        "did not answer",
    ),
}


@attrs.frozen
class Pair:
    """The greeter and a module that is bad, or becomes so."""

    folder: Path
    packages: Packages
    good: Source

    def bad(self, body: str = "pass", prepared: str = "pass", path: str = "/etc/bad.conf",
            template: str = TEMPLATE, code: str = CODE) -> Source:  # fmt: skip
        """Give the module, which does so when it renders or prepares."""
        text = code.replace("BODY", body).replace("WHEN_PREPARED", prepared).replace("PATH", path)
        return self.packages.add("bad", MANIFEST, text, conf=template)

    def site(self, *sources: Source) -> Site:
        """Make a site that has the greeter and these."""
        machine = greeter_machine()
        machine.haste = HASTE
        name = f"site{len(list(self.folder.iterdir()))}"
        return Site.make(self.folder / name, machine, Registry.discover([self.good, *sources]))

    def upgrade(self, site: Site, *sources: Source) -> None:
        """Let other plugins be installed from now on; each process reads them anew."""
        site.registry = Registry.discover([self.good, *sources])


@pytest.fixture
def pair(packages: Packages) -> Iterator[Pair]:
    """Give the pair."""
    good = packages.add(
        GREETER, greeter.MANIFEST, greeter.CODE, conf=greeter.CONF, secret=greeter.SECRET
    )
    with short_folder() as folder:
        yield Pair(folder, packages, good)


def enable_both(engine: Engine) -> None:
    """Enable both in the draft."""
    engine.enable([GREETER, "bad"], consents=[GREETER, "bad"])


def set_word(engine: Engine, word: str = "new") -> None:
    """Change both, in the draft."""
    engine.editor.set_form("bad.options", {"word": word}, engine.actor)
    set_options(engine, greeting="hi")


def refused(site: Site) -> MailsteadError:
    """Save both in vain; nothing was written, and the greeter alone can be saved."""
    assert site.run(enable_both).error is None
    told = site.run(save)
    assert isinstance(told.error, MailsteadError)
    assert outside_of(site).files == {}
    assert look(site).faults == ()
    assert site.run(lambda engine: engine.disable(["bad"])).error is None
    assert site.run(save).result.outcome == "committed"
    assert CONF in outside_of(site).files
    return told.error


def test_12_a_template_that_does_not_end(pair: Pair) -> None:
    """Its time is limited; the module and the file are named."""
    source = pair.bad(template="{% for n in range(99999) %}" * 3 + "{% endfor %}" * 3)
    error = refused(pair.site(source))
    assert "module bad: /etc/bad.conf" in error.where
    assert "did not answer within 10 s" in error.problem


def test_12_a_template_that_makes_a_gigabyte(pair: Pair) -> None:
    """It is stopped long before."""
    error = refused(pair.site(pair.bad(template="{{ 'x' * 1000000000 }}")))
    assert "module bad: /etc/bad.conf" in error.where


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("when", ["renders", "prepares"])
def test_29_a_plugin_that_does_anything_but_answer(pair: Pair, way: str, when: str) -> None:
    """The save fails cleanly, the module is named, the other can be used."""
    body, words = WAYS[way]
    source = pair.bad(body=body) if when == "renders" else pair.bad(prepared=body)
    error = refused(pair.site(source))
    assert "module bad" in error.where
    assert words.replace("10 s", "60 s" if when == "prepares" else "10 s") in error.problem


def test_29_a_plugin_that_gives_what_belongs_nowhere(pair: Pair) -> None:
    """A wrong type is refused where it is given."""
    code = CODE.replace("return {}", "return 7")
    error = refused(pair.site(pair.bad(code=code)))
    assert "module bad" in error.where
    assert "int" in error.problem


def test_29_a_plugin_that_writes_outside_its_paths(pair: Pair) -> None:
    """What its manifest does not list, nobody agreed to."""
    error = refused(pair.site(pair.bad(path="/etc/shadow")))
    assert isinstance(error, PlanError)
    assert "/etc/shadow" in error.where


def test_29_a_plugin_that_cannot_be_imported(pair: Pair) -> None:
    """It is broken, with the reason; the other is saved."""
    site = pair.site(pair.bad(code="raise RuntimeError('no')"))
    assert site.registry.entry("bad").status == "broken"
    assert "RuntimeError: no" in site.registry.entry("bad").reason
    assert site.run(enable).error is None
    assert site.run(save).result.outcome == "committed"


@pytest.mark.parametrize("becomes", ["vanished", "broken", "hanging"])
def test_29_a_killed_save_is_undone_without_the_plugins_code(pair: Pair, becomes: str) -> None:
    """Its files and its daemon too: at each call from the first write on."""
    good = pair.bad()
    site = pair.site(good)
    site.run(enable_both)
    assert site.run(save).result.outcome == "committed"
    site.run(set_word)
    world, before = site.keep(), outside_of(site)
    calls = Calls()
    assert site.run(save, calls).result.outcome == "committed"
    after = {"vanished": (), "broken": (pair.bad(code="import nothing_of_the_kind"),),
             "hanging": (pair.bad(body="while True: pass"),)}[becomes]  # fmt: skip
    names = [call.name for call in calls.made]
    for point in range(names.index("store UPDATE steps"), names.index("store INSERT revisions"), 9):
        pair.upgrade(site, good)
        site.restore(world)
        site.run(save, Calls(Struck(KINDS["kill"], point)))
        pair.upgrade(site, *after)
        told = site.run(lambda engine: engine.recovered)
        assert told.error is None
        assert outside_of(site) == before
        assert list(deaf_daemons(site)) == []


@pytest.mark.parametrize("becomes", ["vanished", "downgraded"])
def test_29_a_plugin_that_was_removed_or_downgraded_leaves_the_others_usable(
    pair: Pair, becomes: str
) -> None:
    """Its files stay as they are; what an older version does not know is no harm."""
    site = pair.site(pair.bad())
    site.run(enable_both)
    site.run(set_word)
    assert site.run(save).result.outcome == "committed"
    older = pair.bad(code=CODE.replace("word: types.Text", "phrase: types.Text"),
                     template="word {{ options.phrase }}\n")  # fmt: skip
    pair.upgrade(site, *(() if becomes == "vanished" else (older,)))
    before = outside_of(site).files["/etc/bad.conf"]
    assert site.run(lambda engine: set_options(engine, greeting="hello")).error is None
    told = site.run(save)
    assert told.error is None
    assert told.result.outcome == "committed"
    assert look(site).faults == ()
    now = outside_of(site).files["/etc/bad.conf"]
    assert now == before if becomes == "vanished" else now[0] == b"word old\n"


def test_29_a_plugin_that_vanished_can_be_left_and_its_originals_restored(pair: Pair) -> None:
    """Without its code: what stood there before it came is put back."""
    site = pair.site(pair.bad())
    site.machine.add_file(site.services.prefix / "etc/bad.conf", b"theirs\n", mode=0o640)
    site.run(enable_both)
    assert site.run(save).result.outcome == "committed"
    pair.upgrade(site)
    assert site.run(lambda engine: engine.disable(["bad"], restore=True)).error is None
    assert site.run(save).result.outcome == "committed"
    content, mode, *_ = outside_of(site).files["/etc/bad.conf"]
    assert (content, mode) == (b"theirs\n", 0o640)
