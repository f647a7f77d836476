"""The filter with no more than what it depends on, over a fake machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailstead.engine import Engine
from mailstead.testing import refuse_impure_rendering
from tests.plugins.four import FOUR, engine_of

NEEDED = (
    "clamav", "clamav-daemon", "clamav-freshclam", "clamdscan", "cron", "dovecot-sieve", "rspamd",
)  # fmt: skip
ALL = (*FOUR, "filter")


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Give an engine in which all are enabled, unsaved; none of the filter's packages is there."""
    with engine_of("filter", users=("_rspamd", "clamav")) as made:
        made.enable(ALL, consents=ALL)
        made.editor.set_form("mail_smtp.filter", {"use": "mailstead"}, made.actor)
        yield made


def test_the_plan_says_which_packages_are_missing(engine: Engine) -> None:
    """Rspamd and ClamAV among them."""
    assert set(engine.plan().packages) == set(NEEDED) - {"cron"}


def test_it_renders_and_what_is_rendered_is_pure(engine: Engine) -> None:
    """Without any other module."""
    refuse_impure_rendering(engine)
    paths = {item.path for item in engine.plan().files}
    assert {"/etc/mailstead/filter/rspamd.conf", "/etc/mailstead/filter/policy.lua"} <= paths


def test_a_hostile_value_becomes_no_line_of_a_file(engine: Engine) -> None:
    """Of any field of any of its forms: it is refused by its name."""
    hostile = 'x"; }\nlua = "/tmp/evil.lua"'
    for bound in engine.schema.all():
        if bound.path.startswith("filter.") and bound.section.kind == "form":
            for field in bound.section.fields:
                with pytest.raises(Exception, match=rf"{bound.path}\.{field.name}"):
                    engine.editor.set_form(bound.path, {field.name: hostile}, engine.actor)
