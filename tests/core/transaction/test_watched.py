"""Daemons of modules that depend on one that changes: left alone, and watched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstead.machine.conversation import Conversation
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.testing import fake_engine
from tests.core import greeter
from tests.core.packages import Packages
from tests.core.transaction.conftest import Site

GUEST = """
from mailstead.plugin import *


def probes(context):
    yield Probe("is let in", Conversation((Say(None, "in"),), address="127.0.0.1", port=9))


module = Module(daemons=[Daemon("guestd", probes=probes)])
"""


@pytest.fixture
def pair(tmp_path: Path, packages: Packages) -> Iterator[Site]:
    """Give a site with the greeter and a module that depends on it, both running."""
    host = packages.add("greeter", greeter.MANIFEST, greeter.CODE, conf=greeter.CONF,
                        secret=greeter.SECRET)  # fmt: skip
    guest = packages.add("guest", 'depends = ["greeter"]\nenable_depends = ["greeter"]', GUEST)
    machine = FakeMachine()
    machine.available["greeterd"] = "1.0"
    services = FakeServices(machine)
    plugins = {item.name: item.package for item in (host, guest)}
    with fake_engine(tmp_path, plugins, machine=machine, services=services) as engine:
        engine.enable(["greeter", "guest"], consents=["greeter", "guest"])
        assert engine.save().outcome == "committed"
        yield Site(engine, machine, services)


def test_a_dependant_that_no_longer_answers_undoes_the_save(pair: Site) -> None:
    """Though none of its own files changed; it is proven again afterwards."""

    def answers(talk: Conversation) -> bool:
        return talk.port != 9 or pair.content("/etc/greeter.conf") != b"greeting hi\nport 7000\n"

    pair.machine.answers = answers
    pair.set(greeting="hi")
    result = pair.engine.save()
    assert result.outcome == "rolled back"
    assert "is let in does not work" in result.reason
    assert pair.services.of("guestd").reloads == pair.services.of("guestd").restarts == 0


def test_a_dependant_that_did_not_answer_before_is_no_reason(pair: Site) -> None:
    """What was broken is not proven, and does not stop a save that may mend it."""
    pair.machine.answers = lambda talk: talk.port != 9
    pair.set(greeting="hi")
    assert pair.save() == "committed"


def test_what_depends_on_nothing_that_changes_is_not_asked(pair: Site) -> None:
    """A save that acts on no daemon asks none."""
    pair.engine.editor.add_row("greeter.guests", {"name": "ada"}, pair.engine.actor)
    pair.save()
    pair.engine.editor.remove_row("greeter.guests", "ada", pair.engine.actor)
    pair.machine.calls.clear()
    assert pair.save() == "committed"
    assert [name for name, _ in pair.machine.calls if name == "converse"] == []
