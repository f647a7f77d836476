"""Sieve with nothing but what it depends on, over a fake machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailstead.engine import Engine
from mailstead.testing import refuse_impure_rendering
from tests.plugins.four import four_modules


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Give an engine that knows these modules alone, the four others enabled and saved."""
    with four_modules("sieve", packages=("dovecot-sieve", "dovecot-managesieved")) as made:
        yield made


def test_it_is_enabled_saved_and_disabled_without_a_trace(engine: Engine) -> None:
    """Two daemons are reloaded, none is restarted; afterwards all files are as before."""
    before = {item.path: item for item in engine.plan().files}
    contents = {path: read(engine, path) for path in (MAIN, MASTER, DOVECOT)}
    engine.enable(["sieve"], consents=["sieve"])
    plan = engine.plan()
    assert sorted((it.daemon.name, it.verb) for it in plan.services) == [
        ("dovecot", "reload"), ("postfix", "reload")
    ]  # fmt: skip
    assert engine.save().outcome == "committed"
    assert engine.plan().is_empty
    engine.disable(["sieve"])
    plan = engine.plan()
    assert {item.path for item in plan.files if item.new is None} == {OWN, BEFORE}
    assert engine.save().outcome == "committed"
    assert {path: read(engine, path) for path in contents} == contents
    assert before == {item.path: item for item in engine.plan().files}


def test_each_file_in_its_manifest_is_rendered_twice_the_same(engine: Engine) -> None:
    """Where forwarding is restricted, all of them."""
    engine.enable(["sieve"], consents=["sieve"])
    engine.editor.set_form("sieve.options", {"forwarding": "own"}, engine.actor)
    refuse_impure_rendering(engine)
    made = {item.path for item in engine.plan().files}
    claimed = {item.path for item in engine.registry.entry("sieve").manifest.paths}
    assert claimed <= made


MAIN, MASTER, DOVECOT = (
    "/etc/postfix/main.cf", "/etc/postfix/master.cf", "/etc/dovecot/dovecot.conf"
)  # fmt: skip
OWN, BEFORE = "/etc/dovecot/mailstead.d/sieve.conf", "/etc/dovecot/mailstead-before.sieve"


def read(engine: Engine, path: str) -> bytes:
    """Read a file of the instance."""
    return engine.machine.read_file(engine.instance.path(path))
