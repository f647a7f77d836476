"""Which module and setting is behind each changed line, with the four first-party modules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailstead.engine import Engine
from mailstead.explain.attribution import LIMIT
from mailstead.transaction.changes import Plan
from mailstead.transaction.render import Renderer
from tests.plugins.four import FOUR, four_modules

MAIN = "/etc/postfix/main.cf"
MASTER = "/etc/postfix/master.cf"
DOVECOT = "/etc/dovecot/mailstead.d/mail_retrieval.conf"


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Give an engine with the four modules, saved."""
    with four_modules() as made:
        yield made


def told(engine: Engine, plan: Plan, path: str) -> list[tuple[str, str, list[str]]]:
    """Give changed line, module and causes, in the order of the diff."""
    change = next(item for item in plan.files if item.path == path)
    diff = [line for line in change.diff().split("\n")[2:] if line[:1] in ("+", "-")]
    return [
        (text, line.origin.module, [cause.where for cause in line.origin.causes])
        for text, line in zip(diff, engine.origins(plan)[path].lines, strict=True)
    ]


def test_a_switch_is_behind_exactly_its_port(engine: Engine) -> None:
    """The only changed line of the only changed file."""
    engine.editor.set_form("mail_retrieval.services", {"imaps": False}, engine.actor)
    plan = engine.plan()
    assert [DOVECOT] == [item.path for item in plan.files]
    imaps = ["mail_retrieval.services.imaps"]
    assert [
        ("-    port = 10993", "mail_retrieval", imaps),
        ("+    port = 0", "mail_retrieval", imaps),
    ] == told(engine, plan, DOVECOT)


def test_the_host_name_is_behind_myhostname(engine: Engine) -> None:
    """Among other changed settings; in Dovecot's file too, which belongs to another module."""
    engine.editor.set_form("network.host", {"hostname": "mx"}, engine.actor)
    engine.editor.set_form("mail_retrieval.services", {"pop3": False}, engine.actor)
    engine.editor.add_row("mail_smtp.domains", {"name": "example.org"}, engine.actor)
    plan = engine.plan()
    name = ["network.host.hostname"]
    assert [
        ("-myhostname = mail.sandbox.test", "mail_smtp", name),
        ("+myhostname = mx.sandbox.test", "mail_smtp", name),
    ] == told(engine, plan, MAIN)
    base = told(engine, plan, "/etc/dovecot/dovecot.conf")
    assert ("+hostname = mx.sandbox.test", "mail_retrieval", name) in base


def test_a_line_that_another_module_contributes_names_it(engine: Engine) -> None:
    """When it goes, and when it comes; what stands in its place is the owner's."""
    engine.disable(["mail_retrieval"])
    leaving = told(engine, engine.plan(), MAIN)
    why = ["module mail_retrieval disabled"]
    lmtp = "virtual_transport = lmtp:unix:private/dovecot-lmtp"
    assert (f"-{lmtp}", "mail_retrieval", why) in leaving
    assert ("+virtual_transport = virtual", "mail_smtp", why) in leaving
    assert engine.save().outcome == "committed"
    engine.enable(["mail_retrieval"])
    coming = told(engine, engine.plan(), MAIN)
    why = ["module mail_retrieval enabled"]
    assert (f"+{lmtp}", "mail_retrieval", why) in coming
    assert ("-virtual_transport = virtual", "mail_smtp", why) in coming


def test_the_first_save_names_the_module_of_each_line(engine: Engine) -> None:
    """All modules come at once: a file's lines are its owner's, but for what is contributed."""
    engine.disable(FOUR[::-1], restore=True)
    assert engine.save().outcome == "committed"
    engine.enable(FOUR, consents=FOUR)
    lines = told(engine, engine.plan(), MAIN)
    causes = {(module, cause) for _, module, found in lines for cause in found}
    assert causes == {
        ("mail_smtp", "module mail_smtp enabled"),
        ("mail_retrieval", "module mail_retrieval enabled"),
    }
    assert ("+biff = no", "mail_smtp", ["module mail_smtp enabled"]) in lines


def test_many_changes_cost_no_more_than_the_limit(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Domains, of which a file asks one thing only, are one change; members cost up to it."""
    for number in range(30):
        engine.editor.add_row("mail_smtp.domains", {"name": f"d{number}.example"}, engine.actor)
    engine.editor.set_form("network.host", {"hostname": "mx"}, engine.actor)
    assert _cost(engine, monkeypatch) <= 20
    engine.editor.add_row("network.objects", {"name": "office"}, engine.actor)
    engine.editor.add_row("mail_smtp.relay", {"object": "office"}, engine.actor)
    for number in range(LIMIT + 10):
        values = {"object": "office", "name": f"pc{number}", "address": f"192.0.2.{number}"}
        engine.editor.add_row("network.members", values, engine.actor)
    assert _cost(engine, monkeypatch) <= LIMIT + 2 * 2
    plan = engine.plan()
    lines = {text.split(" =")[0]: causes for text, _, causes in told(engine, plan, MAIN)}
    assert lines["+mynetworks"] == ["mail_smtp.relay", "network.members"]
    assert lines["+myhostname"] == ["network.host"]


def _cost(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> int:
    plan, count = engine.plan(), 0
    real = Renderer.files

    def counted(*given: object) -> object:
        nonlocal count
        count += 1
        return real(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Renderer, "files", counted)
        engine.origins(plan)
    return count
