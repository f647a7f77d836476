"""The module as a whole, over a fake machine, with no more plugins than it depends on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailstead.engine import Engine
from mailstead.testing import fake, paths, refuse_impure_rendering
from mailstead_fetchmail.places import KEY
from tests.plugins.four import four_modules

OURS = ("fetchmail", "util-linux")
SWITCH = "mail_retrieval.services"


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Give an engine in which the four are saved and it is installed."""
    with four_modules("fetchmail", packages=OURS, users=("fetchmail",)) as made:
        yield made


def enable(engine: Engine) -> None:
    """Enable and save it."""
    engine.enable(("fetchmail",), consents=("fetchmail",))
    engine.editor.set_form(SWITCH, {"external_retrieval": True}, engine.actor)
    assert engine.save().outcome == "committed"


def actions(engine: Engine) -> set[str]:
    """Give what the next save does to daemons."""
    return {
        f"{item.verb} {item.daemon.name}" for item in engine.plan().services if item.verb != "watch"
    }


def test_it_needs_no_more_than_it_depends_on(engine: Engine) -> None:
    """Its key is made, and no file of any other daemon's changes: none is reloaded."""
    engine.enable(("fetchmail",), consents=("fetchmail",))
    engine.editor.set_form(SWITCH, {"external_retrieval": True}, engine.actor)
    refuse_impure_rendering(engine)
    assert actions(engine) == {"start fetchmail"}
    assert paths(engine.plan().files) == []
    assert engine.save().outcome == "committed"
    key = fake(engine).stat_file(engine.instance.path(KEY))
    assert key is not None
    assert (key.mode, key.uid) == (0o600, 0)


def test_the_switch_starts_and_stops_it(engine: Engine) -> None:
    """And nothing else."""
    enable(engine)
    engine.editor.set_form(SWITCH, {"external_retrieval": False}, engine.actor)
    assert actions(engine) == {"stop fetchmail"}
    engine.editor.set_form("fetchmail.options", {"period": 10}, engine.actor)
    engine.editor.set_form(SWITCH, {"external_retrieval": True}, engine.actor)
    assert actions(engine) == set()


def test_disabled_it_leaves_no_line(engine: Engine) -> None:
    """No file of any daemon's changes; data and key stay for another time."""
    enable(engine)
    engine.disable(("fetchmail",))
    assert actions(engine) == {"stop fetchmail"}
    assert paths(engine.plan().files) == []
    assert engine.save().outcome == "committed"
    assert fake(engine).stat_file(engine.instance.path(KEY)) is not None
