"""What is behind one line of a file that stands there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.errors import InvalidInput, MachineError, NotFound
from mailstead.explain import search
from mailstead.settings.cells import Actor
from mailstead.testing import fake, fake_engine
from mailstead.transaction.render import Renderer
from mailstead.transaction.request import Request
from tests.core.packages import Packages
from tests.core.transaction.conftest import Site

CONF = "/etc/greeter.conf"
ANN = Actor("ann", "web")

PAGE = '[[paths]]\npath = "/etc/page"\nreason = "is a page"\n'
PAGE_CODE = """
from mailstead.plugin import *

@form(title="Options")
class Options:
    one: types.Text | None = field(default=None)
    two: types.Text | None = field(default=None)
    level: Annotated[int, types.integer(1, 1)] = field(default=1)
    hush: types.Secret | None = field(default=None)

@table(title="Rows", key=("name",))
class Rows:
    name: types.Name = field()
    note: types.Text = field(default="")

@table(title="Parts", key=("row", "name"))
class Parts:
    row: Annotated[str, types.reference("page.rows")] = field()
    name: types.Name = field()

@table(title="Days", key=("name",))
class Days:
    name: types.Name = field()

def variables(context):
    rows = list(context.settings.rows(Rows))
    parts = [part.name for row in rows for part in context.settings.rows(Parts, row.name)]
    night = context.settings.row(Days, "night") is not None
    return {"rows": rows, "parts": parts, "night": night}

module = Module(
    sections=[Options, Rows, Parts, Days], facts=[Fact("colour", lambda machine: "red")],
    files=[Template("/etc/page", "page.j2", variables=variables)],
)
"""
PAGE_TEXT = """\
first
pair {{ options.one and options.two }}
colour {{ facts.colour }}
night {{ night }}
parts {{ parts | join(" ") }}
hush {{ options.hush.reveal() if options.hush else "" }}
{% for row in rows %}
row {{ row.name }} {{ row.note }}
{% endfor %}
rows {{ rows | length }}
"""

Make = Callable[[], Engine]


@pytest.fixture
def make(tmp_path: Path, packages: Packages) -> Iterator[Make]:
    """Give a maker of an engine with a module of many kinds of lines, enabled and unsaved."""
    with ExitStack() as stack:

        def made() -> Engine:
            source = packages.add("page", PAGE, PAGE_CODE, page=PAGE_TEXT)
            engine = stack.enter_context(fake_engine(tmp_path, {"page": source.package}))
            engine.enable(["page"], consents=["page"])
            return engine

        yield made


def wheres(engine: Engine, place: str) -> list[str]:
    """Give the settings behind a line."""
    return [item.where for item in engine.why(place).settings]


def test_a_setting_is_told_with_its_value_and_who_saved_it(saved: Site) -> None:
    """The author of the change, and the revision with its comment."""
    saved.engine.editor.set_form("greeter.options", {"port": 7001}, ANN)
    saved.engine.save(Request(comment="move it"))
    found = saved.engine.why(f"{CONF}:2")
    assert ("port 7001", "greeter", "holds the greeting") == (
        found.text,
        found.module,
        found.reason,
    )
    (setting,) = found.settings
    assert ("greeter.options.port", 7001, "set") == (setting.where, setting.value, setting.state)
    assert setting.change is not None
    change, revision = setting.change
    assert ("ann", "web", 2, "move it") == (
        change.who, change.origin, revision.number, revision.comment
    )  # fmt: skip


def test_a_default_is_behind_its_line_too(saved: Site) -> None:
    """Nobody set it, and an unsaved change does not count."""
    saved.set(greeting="unsaved")
    (setting,) = saved.engine.why(f"{CONF}:1").settings
    assert ("greeter.options.greeting", "hello", "default", None) == (
        setting.where, setting.value, setting.state, setting.change
    )  # fmt: skip


def test_a_secret_is_never_shown(saved: Site) -> None:
    """Neither the line, nor the value, nor what it was before."""
    for password in ("hunter2", "hunter3"):
        saved.set(password=password)
        assert saved.save() == "committed"
    found = saved.engine.why("/etc/greeter.secret:1")
    assert "(secret: not shown)" == found.text
    (setting,) = found.settings
    assert ("greeter.options.password", "********") == (setting.where, setting.value)
    assert setting.change is not None
    assert "hunter" not in repr(found) + repr((setting.change[0].old, setting.change[0].new))


def test_a_secret_in_a_public_file_hides_the_line(make: Make) -> None:
    """A module should not print one there, but it can."""
    engine = make()
    engine.editor.set_form("page.options", {"hush": "hunter2"}, ANN)
    engine.save()
    found = engine.why("/etc/page:6")
    assert ["page.options.hush"] == [item.where for item in found.settings]
    assert "hunter2" not in repr(found)


def test_a_line_of_the_template_names_its_module_alone(make: Make) -> None:
    """And who enabled it."""
    engine = make()
    engine.save()
    found = engine.why("/etc/page:1")
    (setting,) = found.settings
    assert "module page enabled" == setting.where
    assert setting.change is not None
    assert 1 == setting.change[1].number


def test_settings_that_count_only_together_are_told_as_a_form(make: Make) -> None:
    """Neither alone changes the line; once both are set, each does."""
    engine = make()
    engine.save()
    assert ["page.options"] == wheres(engine, "/etc/page:2")
    engine.editor.set_form("page.options", {"one": "a", "two": "b"}, ANN)
    engine.save()
    assert ["page.options.one", "page.options.two"] == wheres(engine, "/etc/page:2")


def test_a_fact_of_the_machine_is_told(make: Make) -> None:
    """By its name."""
    engine = make()
    engine.save()
    assert ("colour",) == engine.why("/etc/page:3").facts
    assert () == engine.why("/etc/page:1").facts


def test_rows_that_are_not_there_are_behind_a_line(make: Make) -> None:
    """One that is asked for by its key, and a table; also by way of another table."""
    engine = make()
    engine.save()
    assert [("page.days[night]", "not there")] == [
        (item.where, item.state) for item in engine.why("/etc/page:4").settings
    ]
    assert [("page.rows", "not there")] == [
        (item.where, item.state) for item in engine.why("/etc/page:5").settings
    ]


def test_the_row_and_field_behind_a_line_are_found(make: Make) -> None:
    """The row whose line it is, and no other."""
    engine = make()
    for name in ("a", "b", "c"):
        engine.editor.add_row("page.rows", {"name": name, "note": f"is {name}"}, ANN)
    engine.editor.add_row("page.parts", {"row": "b", "name": "leg"}, ANN)
    engine.save()
    assert ["page.rows[b].note"] == wheres(engine, "/etc/page:8")
    absent = {"page.parts[a]", "page.parts[c]"}
    assert {"page.parts[b/leg]", "page.rows[b]"} | absent == set(wheres(engine, "/etc/page:5"))


def test_in_a_large_table_the_row_in_the_line_is_found(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are not tried; a line that names no row is due to the table."""
    monkeypatch.setattr(search, "ROWS", 9)
    engine = make()
    count = 20
    with engine.store.transaction():
        for number in range(count):
            engine.editor.add_row("page.rows", {"name": f"row-{number:03}", "note": "x"}, ANN)
    engine.save()
    found = engine.why(f"/etc/page:{7 + 17}")
    assert ["page.rows[row-017].note"] == [item.where for item in found.settings]
    assert {"page.parts", "page.options.level", "page.days"} >= set(found.perhaps)
    assert ["module page enabled"] == wheres(engine, "/etc/page:1")
    (setting,) = engine.why(f"/etc/page:{7 + count}").settings
    assert ("page.rows", "set", None) == (setting.where, setting.state, setting.value)


def test_what_cannot_be_tried_is_said(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that takes one value only; or everything, when the limit is reached."""
    engine = make()
    engine.save()
    assert ("page.options.level",) == engine.why("/etc/page:1").perhaps
    monkeypatch.setattr(search, "LIMIT", 0)
    found = engine.why("/etc/page:2")
    assert {"page.options", "page.rows", "page.days"} <= set(found.perhaps)
    assert ["module page enabled"] == [item.where for item in found.settings]


def test_no_line_costs_more_renders_than_the_limit(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows there are."""
    monkeypatch.setattr(search, "LIMIT", 50)
    monkeypatch.setattr(search, "ROWS", 40)
    engine = make()
    with engine.store.transaction():
        for number in range(search.ROWS):
            engine.editor.add_row("page.rows", {"name": f"row-{number:03}"}, ANN)
    engine.save()
    count, real = 0, Renderer.files

    def counted(*given: object) -> object:
        nonlocal count
        count += 1
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(Renderer, "files", counted)
    engine.why("/etc/page:5")
    assert 40 < count <= 50 + 1


def test_a_line_written_by_hand_is_the_admins_own(saved: Site) -> None:
    """The others are still found, whatever their numbers are now."""
    real = saved.engine.instance.path(CONF)
    saved.machine.add_file(real, b"# mine\ngreeting hello\nport 7099\n")
    assert "edited" == saved.engine.why(f"{CONF}:1").standing
    assert ["greeter.options.greeting"] == wheres(saved.engine, f"{CONF}:2")
    found = saved.engine.why(f"{CONF}:3")
    assert ("edited", ("port 7000",), ()) == (found.standing, found.instead, found.settings)


def test_a_line_of_an_earlier_save_is_not_called_an_edit(make: Make) -> None:
    """The module, or the machine, has changed since."""
    engine = make()
    engine.save()
    path = Path(engine.registry.package("page").__path__[0]) / "templates/page.j2"
    path.write_text(PAGE_TEXT.replace("first", "changed"))
    real = engine.instance.path("/etc/page")
    fake(engine).add_file(real, fake(engine).read_file(real) + b"mine\n")
    found = engine.why("/etc/page:1")
    assert ("old", "first", ("changed",)) == (found.standing, found.text, found.instead)
    assert "edited" == engine.why("/etc/page:8").standing


@pytest.mark.parametrize(
    "name", [CONF, "greeter.conf", "etc/greeter.conf", "{prefix}/etc//greeter.conf"]
)
def test_a_file_is_named_by_any_of_its_paths(saved: Site, name: str) -> None:
    """As manual pages have it, in the instance, or by its end."""
    place = name.replace("{prefix}", str(saved.engine.instance.prefix))
    assert CONF == saved.engine.why(f"{place}:1").path


@pytest.mark.parametrize(
    ("place", "error", "words"),
    [
        ("/etc/greeter.conf", InvalidInput, r"which line\?.*FILE:LINE"),
        (":3", InvalidInput, "which line"),
        ("/etc/greeter.conf:x", InvalidInput, "which line"),
        ("/etc/greeter.conf:-1", InvalidInput, "which line"),
        ("/etc/greeter.conf:²", InvalidInput, "which line"),
        ("/etc/greeter.conf:0", InvalidInput, "no line 0 .*it has 2 lines"),
        ("/etc/greeter.conf:3", InvalidInput, "no line 3 .*it has 2 lines"),
        (f"/etc/greeter.conf:{'9' * 5000}", InvalidInput, "it has 2 lines"),
        ("/etc/greter.conf:1", NotFound, r"no file of a module .*did you mean /etc/greeter\.conf"),
        ("greter.conf:1", NotFound, r"no file of a module .*did you mean greeter\.conf"),
        ("/etc/passwd:1", NotFound, "no file of a module"),
        ("reeter.conf:1", NotFound, "no file of a module"),
        ("/etc/greeter.key:1", InvalidInput, "greeter made it once"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_refused_with_the_next_step(
    saved: Site, place: str, error: type[InvalidInput], words: str
) -> None:
    """Exit status 2."""
    with pytest.raises(error, match=words) as caught:
        saved.engine.why(place)
    assert 2 == caught.value.exit_status


def test_a_file_of_a_module_that_is_off_is_refused(site: Site) -> None:
    """With what to run."""
    with pytest.raises(NotFound, match=r"greeter, which is not enabled .*mailstead enable greeter"):
        site.engine.why(f"{CONF}:1")


def test_a_file_that_is_gone_is_refused(saved: Site) -> None:
    """A link in its place, too."""
    real = saved.engine.instance.path(CONF)
    saved.machine.remove_file(real)
    with pytest.raises(NotFound, match=r"does not exist .*mailstead save"):
        saved.engine.why(f"{CONF}:1")
    fake(saved.engine).add_link(real, "/etc/passwd")
    with pytest.raises(MachineError, match="a link stands there"):
        saved.engine.why(f"{CONF}:1")
