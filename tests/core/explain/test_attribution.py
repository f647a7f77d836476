"""Which module and setting is behind each changed line of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mailstead.engine import Engine
from mailstead.explain import attribution
from mailstead.explain.attribution import LIMIT
from mailstead.hand_edits.answers import Answer
from mailstead.module import Module
from mailstead.settings.cells import Actor
from mailstead.testing import fake_engine
from mailstead.transaction.render import Rendered, Renderer
from tests.core.packages import Packages
from tests.core.transaction.conftest import Site

CONF = "/etc/greeter.conf"
ANN = Actor("ann", "web")

Told = list[tuple[str, str, str, tuple[str, ...]]]

PAGE = '[[paths]]\npath = "/etc/page"\nreason = "is a page"\n'
PAGE_CODE = """
from mailstead.plugin import *

@form(title="Options")
class Options:
    one: bool = field(default=False)
    two: bool = field(default=False)
    word: types.Text = field(default="same")

@table(title="Rows", key=("name",))
class Rows:
    name: types.Name = field()
    note: types.Text = field(default="")
    more: types.Text = field(default="")

def variables(context):
    options = context.settings.form(Options)
    if {strict} and options.one != options.two:
        raise RenderError("one and two belong together")
    return {"both": options.one or options.two, "rows": context.settings.rows(Rows)}

module = Module(
    sections=[Options, Rows], files=[Template("/etc/page", "page.j2", variables=variables)],
)
"""
PAGE_TEXT = """\
word {{ options.word }}
{% if both %}
both
{% endif %}
{% for row in rows %}
row {{ row.name }} {{ row.note }}{{ row.more }}
{% endfor %}
"""

Make = Callable[..., Engine]


@pytest.fixture
def make(tmp_path: Path, packages: Packages) -> Iterator[Make]:
    """Give a maker of an engine with a module that reads a form and a table, saved."""
    with ExitStack() as stack:

        def made(*, strict: bool = False) -> Engine:
            code = PAGE_CODE.replace("{strict}", str(strict))
            source = packages.add("page", PAGE, code, page=PAGE_TEXT)
            engine = stack.enter_context(fake_engine(tmp_path, {"page": source.package}))
            engine.enable(["page"], consents=["page"])
            assert engine.save().outcome == "committed"
            return engine

        yield made


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the module of each file that is rendered from now on, one by one."""
    found: list[str] = []
    real = Renderer.files

    def count(
        self: Renderer, name: str, module: Module, *rest: Any, **named: Any
    ) -> tuple[Rendered, ...]:
        found.extend(name for _ in module.files)
        return real(self, name, module, *rest, **named)

    monkeypatch.setattr(Renderer, "files", count)
    return found


def told(engine: Engine, path: str) -> Told:
    """Give sign, text, module and causes of each changed line of a file."""
    plan = engine.plan()
    change = next(item for item in plan.files if item.path == path)
    diff = [line for line in change.diff().split("\n")[2:] if line[:1] in ("+", "-")]
    lines = engine.origins(plan)[path].lines
    assert [line[0] for line in diff] == [line.sign for line in lines]
    return [
        (line.sign, text[1:].strip(), line.origin.module, tuple(map(str, line.origin.causes)))
        for text, line in zip(diff, lines, strict=True)
    ]


def numbers(engine: Engine, path: str) -> list[tuple[str, int]]:
    """Give sign and number of each changed line."""
    return [(line.sign, line.number) for line in engine.origins(engine.plan())[path].lines]


def test_each_line_names_the_setting_behind_it_and_who_changed_it(saved: Site) -> None:
    """Two settings by two people, two lines; numbers are those of the old and the new file."""
    saved.set(greeting="hi")
    saved.engine.editor.set_form("greeter.options", {"port": 7001}, ANN)
    greeting, port = ("greeter.options.greeting (root)",), ("greeter.options.port (ann)",)
    assert [
        ("-", "greeting hello", "greeter", greeting),
        ("-", "port 7000", "greeter", port),
        ("+", "greeting hi", "greeter", greeting),
        ("+", "port 7001", "greeter", port),
    ] == told(saved.engine, CONF)
    assert [("-", 1), ("-", 2), ("+", 1), ("+", 2)] == numbers(saved.engine, CONF)


def test_a_module_that_comes_is_behind_its_files(site: Site) -> None:
    """But a setting that was changed with it is behind its own line."""
    site.engine.enable(["greeter"], consents=["greeter"])
    site.set(greeting="hi")
    assert [
        ("+", "greeting hi", "greeter", ("greeter.options.greeting (root)",)),
        ("+", "port 7000", "greeter", ("module greeter enabled (root)",)),
    ] == told(site.engine, CONF)


def test_a_module_that_leaves_is_behind_what_is_put_back(saved: Site) -> None:
    """Its files are not rendered any more."""
    saved.engine.disable(["greeter"], restore=True)
    origins = saved.engine.origins(saved.engine.plan())[CONF]
    assert origins.whole is not None
    assert ["module greeter disabled (root)"] == list(map(str, origins.whole.causes))


def test_of_a_secret_file_only_the_settings_are_told(saved: Site) -> None:
    """Neither its lines nor a value."""
    saved.set(password="hunter2")
    plan = saved.engine.plan()
    found = saved.engine.origins(plan)["/etc/greeter.secret"]
    assert () == found.lines
    assert found.whole is not None
    assert ["greeter.options.password (root)"] == list(map(str, found.whole.causes))
    assert "hunter2" not in repr(found)


def test_a_line_edited_by_hand_is_nobodys_setting(saved: Site) -> None:
    """What goes is the admin's, what comes is ours."""
    real = saved.engine.instance.path(CONF)
    saved.machine.add_file(real, b"greeting hello\n# mine\nport 7000\n")
    saved.set(greeting="hi")
    lines = saved.engine.origins(saved.engine.plan())[CONF].lines
    assert [
        ("-", 1, "", ["greeter.options.greeting (root)"]),
        ("-", 2, "edited by hand", []),
        ("+", 1, "", ["greeter.options.greeting (root)"]),
    ] == [(x.sign, x.number, x.origin.note, list(map(str, x.origin.causes))) for x in lines]


def test_settings_are_found_in_a_merge_with_a_hand_edit(saved: Site) -> None:
    """The file is not what the module makes, and its lines are counted as they stand in it."""
    real = saved.engine.instance.path(CONF)
    saved.machine.add_file(real, b"# mine\ngreeting hello\nport 7000\n")
    saved.set(port=7001)
    plan = saved.engine.plan(answers=[Answer(CONF, "merge")])
    lines = saved.engine.origins(plan)[CONF].lines
    port = ["greeter.options.port (root)"]
    assert [("-", 3, "", port), ("+", 3, "", port)] == [
        (x.sign, x.number, x.origin.note, list(map(str, x.origin.causes))) for x in lines
    ]


def test_what_stood_there_before_the_module_is_said_to(site: Site) -> None:
    """A file of somebody else is taken over."""
    site.machine.add_file(site.engine.instance.path(CONF), b"greeting good day\n")
    site.engine.enable(["greeter"], consents=["greeter"])
    lines = site.engine.origins(site.engine.plan())[CONF].lines
    assert [("-", "stood there before"), ("+", ""), ("+", "")] == [
        (line.sign, line.origin.note) for line in lines
    ]


def test_a_plan_without_changed_files_costs_nothing(saved: Site, renders: list[str]) -> None:
    """No file, no render."""
    saved.engine.editor.add_row("greeter.guests", {"name": "ada"}, saved.engine.actor)
    plan = saved.engine.plan()
    renders.clear()
    assert {} == saved.engine.origins(plan)
    assert [] == renders


def test_what_a_file_does_not_read_is_not_tried(saved: Site, renders: list[str]) -> None:
    """It is rendered as it is, as it was, and without the one setting it reads."""
    for name in ("ada", "bob", "eve"):
        saved.engine.editor.add_row("greeter.guests", {"name": name}, saved.engine.actor)
    saved.set(greeting="hi")
    plan = saved.engine.plan()
    renders.clear()
    saved.engine.origins(plan)
    assert 3 == len(renders)


def test_settings_that_count_only_together_are_all_named(make: Make) -> None:
    """The line is said to be among them."""
    engine = make()
    engine.editor.set_form("page.options", {"one": True, "two": True}, ANN)
    (line,) = engine.origins(engine.plan())["/etc/page"].lines
    assert not line.origin.sure
    assert ["page.options.one (ann)", "page.options.two (ann)"] == list(
        map(str, line.origin.causes)
    )


def test_what_the_module_refuses_by_halves_is_named(make: Make) -> None:
    """A line with a cause of its own keeps it."""
    engine = make(strict=True)
    engine.editor.set_form("page.options", {"one": True, "two": True}, ANN)
    engine.editor.add_row("page.rows", {"name": "a", "note": "x"}, ANN)
    first, second = engine.origins(engine.plan())["/etc/page"].lines
    assert ["page.rows[a] (ann)"] == list(map(str, second.origin.causes))
    assert {"page.options.one", "page.options.two"} <= {c.where for c in first.origin.causes}


def test_a_row_that_comes_or_goes_is_one_cause(make: Make) -> None:
    """A changed field of a row that stays is one by itself."""
    engine = make()
    for name in ("a", "b"):
        engine.editor.add_row("page.rows", {"name": name, "note": "x"}, ANN)
    assert engine.save().outcome == "committed"
    engine.editor.remove_row("page.rows", "a", ANN)
    engine.editor.change_row("page.rows", "b", {"note": "y"}, ANN)
    engine.editor.add_row("page.rows", {"name": "c", "note": "z"}, ANN)
    assert [
        ("-", "row a x", "page", ("page.rows[a] (ann)",)),
        ("-", "row b x", "page", ("page.rows[b].note (ann)",)),
        ("+", "row b y", "page", ("page.rows[b].note (ann)",)),
        ("+", "row c z", "page", ("page.rows[c] (ann)",)),
    ] == told(engine, "/etc/page")


@pytest.mark.parametrize(("rows", "where"), [(LIMIT - 1, "page.rows[r007]"), (LIMIT, "page.rows")])
def test_past_the_limit_changes_are_taken_back_by_section(
    make: Make, renders: list[str], rows: int, where: str
) -> None:
    """And the limit is kept; the word is one more change."""
    engine = make()
    for number in range(rows):
        engine.editor.add_row("page.rows", {"name": f"r{number:03}"}, ANN)
    engine.editor.set_form("page.options", {"word": "other"}, ANN)
    plan = engine.plan()
    renders.clear()
    lines = engine.origins(plan)["/etc/page"].lines
    assert len(renders) <= LIMIT + 2
    assert [where] == [cause.where for cause in lines[9].origin.causes]


def test_past_the_limit_fields_are_taken_back_by_row(make: Make, renders: list[str]) -> None:
    """Before they are by section."""
    engine = make()
    names = [f"r{number:03}" for number in range(LIMIT - 10)]
    for name in names:
        engine.editor.add_row("page.rows", {"name": name}, ANN)
    engine.save()
    for name in names:
        engine.editor.change_row("page.rows", name, {"note": "x", "more": "y"}, ANN)
    plan = engine.plan()
    renders.clear()
    first = engine.origins(plan)["/etc/page"].lines[0]
    assert ["page.rows[r000]"] == [cause.where for cause in first.origin.causes]
    assert len(renders) <= LIMIT + 2


def test_more_sections_than_can_be_tried_are_all_named(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is tried then."""
    engine = make()
    engine.editor.add_row("page.rows", {"name": "a"}, ANN)
    engine.editor.set_form("page.options", {"word": "other"}, ANN)
    plan = engine.plan()
    monkeypatch.setattr(attribution, "LIMIT", 1)
    origins = {line.origin for line in engine.origins(plan)["/etc/page"].lines}
    assert [(False, ["page.options", "page.rows"])] == [
        (origin.sure, [cause.where for cause in origin.causes]) for origin in origins
    ]
