"""What holds for the four first modules together, over a fake machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailstead.engine import Engine
from mailstead.errors import MailsteadError
from mailstead.registry import Registry, installed_plugins
from mailstead.testing import refuse_impure_rendering
from tests.plugins.four import FOUR, engine_of


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Give an engine in which all modules are enabled, unsaved."""
    with engine_of() as made:
        made.enable(FOUR, consents=FOUR)
        yield made


def test_they_are_installed_and_none_is_broken() -> None:
    """Through the same entry points as foreign ones."""
    registry = Registry.discover(installed_plugins())
    assert set(FOUR) <= set(registry.usable())


def test_rendering_twice_gives_the_same_bytes(engine: Engine) -> None:
    """All files of all modules, from one draft."""
    refuse_impure_rendering(engine)


def test_each_file_in_a_manifest_is_rendered_or_made(engine: Engine) -> None:
    """No module claims a path it does not use."""
    login = {"host": "smart.example", "user": "us", "password": "x", "tls": "required"}
    engine.editor.set_form("mail_smtp.smarthost", login, engine.actor)
    rule = {"folder": "Trash", "days": 30}
    engine.editor.add_row("mail_retrieval.expiration", rule, engine.actor)
    plan = engine.plan()
    made = {item.path for item in plan.files} | {item.path for _, item in plan.generated}
    claimed = {item.path for name in FOUR for item in engine.registry.entry(name).manifest.paths}
    assert claimed == made


def test_no_setting_becomes_a_line_of_a_file(engine: Engine) -> None:
    """Hostile values are refused by name, or stand in one line."""
    hostile = "a\nvirtual_transport = pipe:/bin/sh"
    for bound in engine.schema.all():
        for field in bound.section.fields:
            if bound.section.kind == "form":
                with pytest.raises(MailsteadError, match=rf"{bound.path}\.{field.name}"):
                    engine.editor.set_form(bound.path, {field.name: hostile}, engine.actor)


@settings(
    max_examples=25, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    host=st.from_regex(r"[a-z]{1,12}", fullmatch=True),
    switches=st.lists(st.booleans(), min_size=4, max_size=4),
    domains=st.sets(st.from_regex(r"[a-z]{1,9}\.(org|net)", fullmatch=True), max_size=3),
)
def test_any_accepted_settings_render(
    engine: Engine, host: str, switches: list[bool], domains: set[str]
) -> None:
    """What the editor takes, the templates can say; and it is dropped without a trace."""
    editor, actor = engine.editor, engine.actor
    with engine.store.trial():
        values = {"hostname": host, "domain": "example.com"}
        editor.set_form("network.host", values, actor)
        names = ("pop3", "pop3s", "imap", "imaps")
        editor.set_form("mail_retrieval.services", dict(zip(names, switches, strict=True)), actor)
        for domain in domains:
            editor.add_row("mail_smtp.domains", {"name": domain}, actor)
        assert engine.plan() == engine.plan()
    assert not [c for c in engine.store.draft_changes() if c.section != "core.module_state"]
