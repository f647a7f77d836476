"""Tests of how a plan shows what is behind its lines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailstead.cli.save import plan
from mailstead.engine import Engine
from mailstead.settings.cells import Actor
from tests.core.cli.showing import shown, shown_json
from tests.plugins.four import FOUR, four_modules

ANN = Actor("ann", "web")


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Give an engine with the four first-party modules, saved."""
    with four_modules() as made:
        yield made


def line_with(words: str, text: str) -> str:
    """Give the line that holds a text."""
    return next(line for line in words.splitlines() if text in line)


def test_a_remark_stands_to_the_right_of_each_changed_line(engine: Engine) -> None:
    """In one column; lines that stay have none."""
    engine.editor.set_form("mail_retrieval.services", {"imaps": False}, ANN)
    words = shown(engine, plan)
    old, new = line_with(words, "port = 10993"), line_with(words, "port = 0")
    remark = "  ← mail_retrieval.services.imaps (ann)"
    assert old.startswith("-    port = 10993")
    assert old.endswith(remark)
    assert new.endswith(remark)
    assert old.index("←") == new.index("←")
    assert 2 == words.count("←")


def test_what_is_behind_most_lines_is_said_once(engine: Engine) -> None:
    """Beside the file's name; the other lines say what is behind them."""
    engine.disable(FOUR[::-1], restore=True)
    assert engine.save().outcome == "committed"
    engine.enable(FOUR, consents=FOUR)
    engine.editor.set_form("network.host", {"hostname": "mx"}, ANN)
    words = shown(engine, plan)
    head = line_with(words, "--- /etc/postfix/main.cf")
    assert head.endswith("← lines without a remark: module mail_smtp enabled (root)")
    assert "←" not in line_with(words, "+biff = no")
    assert line_with(words, "+myhostname").endswith("← network.host.hostname (ann)")
    lmtp = line_with(words, "+virtual_transport = lmtp")
    assert lmtp.endswith("← module mail_retrieval enabled (root)")
    aliases = line_with(words, "--- /etc/postfix/aliases")
    assert aliases.endswith("← every line: module mail_smtp enabled (root)")


def test_the_data_of_a_plan_has_the_lines(engine: Engine) -> None:
    """Sign, number, module, causes with their authors."""
    engine.editor.set_form("network.host", {"hostname": "mx"}, ANN)
    data = shown_json(engine, plan)
    file = next(item for item in data["files"] if item["path"] == "/etc/postfix/main.cf")
    cause = {"setting": "network.host.hostname", "by": ["ann"]}
    common = {"module": "mail_smtp", "causes": [cause], "sure": True, "note": ""}
    number = 1 + file_lines(engine).index("myhostname = mail.sandbox.test")
    assert [{"sign": "-", "line": number, **common}, {"sign": "+", "line": number, **common}] == (
        file["lines"]
    )
    assert common == file["origin"]


def test_a_plan_with_nothing_in_it_shows_nothing(engine: Engine) -> None:
    """No remark, no error."""
    assert "There is nothing to save.\n" == shown(engine, plan)
    assert [] == shown_json(engine, plan)["files"]


def file_lines(engine: Engine) -> list[str]:
    """Give the lines of main.cf."""
    path = engine.instance.path("/etc/postfix/main.cf")
    return engine.machine.read_file(path).decode().split("\n")
