"""Plugins that fail, hang or give nonsense: the save is refused by name, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.errors import MailsteadError, PlanError
from mailstead.machine.fake import FakeMachine
from mailstead.settings.cells import Cell
from mailstead.testing import fake, fake_engine
from tests.core.packages import Packages

MANIFEST = (
    '[[paths]]\npath = "/etc/odd"\nreason = "x"\n[[paths]]\npath = "/etc/odd.key"\nreason = "x"'
)
BODIES = {
    "fact": 'return "fact"',
    "check": "return []",
    "validate": "return []",
    "notes": "return []",
    "choose": 'return "page.j2"',
    "variables": "return {}",
    "checks": 'return [Check("odd -t", ("odd", "-t"))]',
    "runs": "return True",
    "restart": 'return ""',
    "probes": "return []",
    "listens": "return []",
    "row": 'return {"name": given.name}',
    "prepare": "pass",
    "make": 'return b"key"',
}
CODE = """
from mailstead.plugin import *

def fact(given):
    {fact}

def check(given, settings):
    {check}

@form(title="Options", check=check)
class Options:
    word: types.Text = field(default="hello")

@table(title="Guests", key=("name",))
class Guests:
    name: types.Name = field(help="guest")

def validate(given):
    {validate}

def notes(running, given):
    {notes}

def choose(given):
    {choose}

def variables(given):
    {variables}

def checks(given):
    {checks}

def runs(given):
    {runs}

def restart(given):
    {restart}

def probes(given):
    {probes}

def listens(given):
    {listens}

def row(given):
    {row}

def prepare(given, machine):
    {prepare}
    machine.replace_file(given.path("/etc/odd.db"), b"", mode=0o600, uid=0, gid=0)

def make(given):
    {make}

module = Module(
    sections=[Options, Guests],
    files=[Template("/etc/odd", choose, variables=variables)],
    generated=[Generated("/etc/odd.key", make)],
    daemons=[Daemon("oddd", reads=("/etc/odd",), runs_when=runs, restart_when=restart,
                    probes=probes, listens=listens)],
    checks=checks,
    facts=[Fact("odd", fact)],
    publications=[Publication(Guests, "/etc/odd.db", "guests", ("name",), row)],
    validate=validate,
    notes=notes,
    prepare=prepare,
)
"""
TOLD = {
    "fact": "the fact odd",
    "check": "the check of odd.options",
    "validate": "validate",
    "notes": "notes",
    "choose": "/etc/odd",
    "variables": "/etc/odd",
    "checks": "checks",
    "runs": "runs_when of oddd",
    "restart": "restart_when of oddd",
    "probes": "probes of oddd",
    "listens": "listens of oddd",
    "row": "the row for guests",
    "prepare": "prepare",
    "make": "making /etc/odd.key",
}
NONSENSE = {
    "check": ["return 5", 'return ["bad"]', "yield 5"],
    "validate": ["return 5", 'return ["bad"]', "yield None", 'return "bad"'],
    "notes": ["return 5", "return [5]", 'return "bad"', "return None"],
    "choose": ["return 5", 'return b"page.j2"'],
    "variables": ["return 5", "return None", 'return ["a"]'],
    "checks": ["return 5", 'return [("odd", "-t")]', "return None"],
    "runs": ["return None", 'return "no"', "return 0"],
    "restart": ["return None", "return True"],
    "probes": ["return 5", 'return ["x"]'],
    "listens": ["return 5", "return [25]"],
    "row": ["return 5", "return None", "return {}", 'return {"name": 1.5}', 'return {"name": []}',
            'return {"name": "a", 5: "b"}'],
    "make": ["return None", 'return "key"'],
}  # fmt: skip
LATER = ("restart", "notes")  # asked about a change of what was saved before

Make = Callable[..., Engine]


@pytest.fixture
def make(tmp_path: Path, packages: Packages) -> Iterator[Make]:
    """Give a maker of an engine with the odd module, saved when all its functions were good."""
    with ExitStack() as stack:

        def made(**bodies: str) -> Engine:
            code = CODE
            for name, body in {**BODIES, **bodies}.items():
                code = code.replace(f"{{{name}}}", body)
            source = packages.add("odd", MANIFEST, code, page="{{ options.word }} {{ facts.odd }}")
            machine = FakeMachine()
            engine = stack.enter_context(
                fake_engine(tmp_path, {"odd": source.package}, machine=machine)
            )
            engine.enable(["odd"], consents=["odd"])
            engine.editor.add_row("odd.guests", {"name": "ada"}, engine.actor)
            return engine

        yield made


def touched(engine: Engine) -> list[str]:
    """Give the files below the instance, other than Mailstead's own."""
    prefix, own = engine.instance.prefix, engine.instance.state_path()
    tree = fake(engine).tree
    found = [path for path in tree.under(prefix) if not path.is_relative_to(own)]
    return [str(path.relative_to(prefix)) for path in found if path.name != "instance.toml"]


def refuse(engine: Engine, name: str, words: str = "") -> None:
    """Fail unless a save, or an edit, is refused naming module and call, and leaves nothing."""
    if name == "check":
        values = {"word": "hi"}
        action: Callable[[], object] = partial(
            engine.editor.set_form, "odd.options", values, engine.actor
        )
    else:
        action = engine.save
    with pytest.raises(PlanError) as caught:
        action()
    assert caught.value.where.startswith(f"module odd: {TOLD[name]}")
    assert words in caught.value.problem
    # A database that was prepared stays (ADR 4); keys are made after that.
    assert touched(engine) == (["etc/odd.db"] if name == "make" else [])
    assert engine.store.revision() == 0
    assert fake(engine).list_directory(engine.instance.state_path("staging")) == ()


def test_the_module_itself_is_good(make: Make) -> None:
    """What the other tests say is about the one function that they replace."""
    engine = make()
    assert engine.save().outcome == "committed"
    assert touched(engine) == ["etc/odd", "etc/odd.db", "etc/odd.key"]


@pytest.mark.parametrize("name", [name for name in BODIES if name not in LATER])
def test_what_a_plugin_raises_refuses_the_save(make: Make, name: str) -> None:
    """With its own words."""
    refuse(make(**{name: "raise KeyError('boom')"}), name, "KeyError: 'boom'")


@pytest.mark.parametrize("name", [name for name in BODIES if name not in LATER])
def test_sys_exit_in_a_plugin_ends_the_plan_alone(make: Make, name: str) -> None:
    """Neither the command nor the agent ends."""
    refuse(make(**{name: "import sys; sys.exit(3)"}), name, "SystemExit: 3")


@pytest.mark.parametrize("name", [name for name in BODIES if name not in LATER])
def test_a_plugin_that_hangs_is_interrupted(make: Make, name: str) -> None:
    """After the time its kind of call has."""
    engine = make(**{name: "while True: pass"})
    fake(engine).haste = 40
    seconds = "60" if name in ("fact", "prepare", "make") else "10"
    refuse(engine, name, f"did not answer within {seconds} s")


@pytest.mark.parametrize(
    ("name", "body"),
    [(name, body) for name, bodies in NONSENSE.items() for body in bodies if name not in LATER],
)
def test_nonsense_refuses_the_save(make: Make, name: str, body: str) -> None:
    """It says what was given."""
    refuse(make(**{name: body}), name)


@pytest.mark.parametrize(
    ("name", "body"),
    [(name, body) for name in LATER
     for body in (*NONSENSE[name], "raise KeyError", "raise SystemExit", "while True: pass")],
)  # fmt: skip
def test_a_change_that_cannot_be_judged_is_refused(make: Make, name: str, body: str) -> None:
    """What was saved before goes on as it was."""
    engine = make(**{name: body})
    assert engine.save().outcome == "committed"
    before = touched(engine)
    engine.editor.set_form("odd.options", {"word": "hi"}, engine.actor)
    fake(engine).haste = 40
    with pytest.raises(PlanError, match=f"module odd: {TOLD[name]}"):
        engine.save()
    assert touched(engine) == before
    assert engine.store.revision() == 1


def test_a_module_that_fails_can_be_left_out(make: Make) -> None:
    """Disabled, it takes no part."""
    engine = make(validate="1/0")
    with pytest.raises(PlanError):
        engine.save()
    engine.disable(["odd"])
    assert engine.save().outcome == "committed"


def test_what_a_module_notes_is_in_the_plan_of_a_change(make: Make) -> None:
    """It sees what is served and what shall be; of what is new there is nothing to note."""
    words = "given.settings.form(Options).word"
    engine = make(notes=f'yield running.settings.form(Options).word + " to " + {words}')
    result = engine.save()
    assert (result.outcome, result.plan.notes) == ("committed", ())
    engine.editor.set_form("odd.options", {"word": "hi"}, engine.actor)
    assert engine.save().plan.notes == ("hello to hi",)


def test_starting_a_daemon_is_guarded_too(make: Make) -> None:
    """Outside a save the same functions are asked."""
    engine = make(probes='return [] if given.settings.form(Options).word == "hello" else 5')
    assert engine.save().outcome == "committed"
    engine.store.edit([_cell("hi")], engine.actor, 0.0)
    engine.store.commit_draft(engine.actor, 0.0)
    with pytest.raises(MailsteadError, match="module odd: probes of oddd: gave int"):
        engine.start("odd")


def _cell(word: str) -> Cell:
    return Cell("odd.options", "", "word", word)
