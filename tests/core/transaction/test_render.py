"""Tests of `mailstead.transaction.render`, through plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.errors import PlanError, RenderError
from mailstead.testing import fake, fake_engine
from tests.core.packages import Packages

MANIFEST = '[[paths]]\npath = "/etc/page"\nreason = "is a page"\n'
CODE = """
from mailstead.plugin import *

@form(title="Options")
class Options:
    words: types.Text = field(default="hello")

def variables(context):
    {body}

module = Module(
    sections=[Options],
    files=[Template("{path}", "page.j2", variables=variables, secret={secret})],
)
"""

Make = Callable[..., Engine]


@pytest.fixture
def make(tmp_path: Path, packages: Packages) -> Iterator[Make]:
    """Give a maker of an engine with one module whose template is given."""
    with ExitStack() as stack:

        def made(
            template: str,
            body: str = "return {}",
            path: str = "/etc/page",
            secret: bool = False,
        ) -> Engine:
            code = CODE.replace("{body}", body).replace("{path}", path)
            code = code.replace("{secret}", str(secret))
            source = packages.add("page", MANIFEST, code, page=template)
            engine = stack.enter_context(fake_engine(tmp_path, {"page": source.package}))
            engine.enable(["page"], consents=["page"])
            return engine

        yield made


def test_an_undefined_name_is_refused_with_module_template_and_line(make: Make) -> None:
    """A typo does not render as nothing."""
    engine = make("one\ntwo {{ optoins.words }}\n")
    with pytest.raises(RenderError, match=r"module page: /etc/page: page\.j2:2: .*optoins"):
        engine.plan()


def test_a_syntax_error_is_refused_with_template_and_line(make: Make) -> None:
    """Before anything else."""
    with pytest.raises(RenderError, match=r"page\.j2:3"):
        make("one\ntwo\n{% if %}\n").plan()


def test_a_value_with_a_line_end_is_refused(make: Make) -> None:
    """Wherever it comes from."""
    engine = make("x {{ value }}\n", 'return {"value": "a\\nb"}')
    with pytest.raises(RenderError, match="control character"):
        engine.plan()


@pytest.mark.parametrize("body", ["raise KeyError('x')", "raise SystemExit", "return 7", "1/0"])
def test_a_plugin_that_fails_is_named_and_stops_the_plan(make: Make, body: str) -> None:
    """With its own words."""
    with pytest.raises(RenderError, match="module page: /etc/page"):
        make("x\n", body).plan()


ENDLESS = "one\n{% macro again() %}\n{{ again() }}\n{% endmacro %}\n{{ again() }}\n"
LOOP = "one\n{% for a in range(99999) %}\n{% for b in range(99999) %}\n{% endfor %}\n{% endfor %}\n"


def test_a_template_that_does_not_end_is_refused_with_its_line(make: Make) -> None:
    """Other modules' files are not written either."""
    engine = make(LOOP)
    fake(engine).haste = 40
    with pytest.raises(
        RenderError, match=r"page: /etc/page: page\.j2:[34]: did not answer within 10"
    ):
        engine.plan()


def test_a_template_that_calls_itself_for_ever_is_refused(make: Make) -> None:
    """With its line."""
    with pytest.raises(RenderError, match=r"page\.j2:[23]: RecursionError"):
        make(ENDLESS).plan()


def test_a_huge_file_is_refused(make: Make) -> None:
    """Before it is made; test_environment has more of these."""
    with pytest.raises(RenderError, match=r"page\.j2:2: what \* makes is larger than 16 MiB"):
        make("one\n{{ 'x' * 1073741824 }}\n").plan()


def test_what_cannot_be_encoded_is_refused(make: Make) -> None:
    """A lone surrogate is no text."""
    with pytest.raises(RenderError, match="/etc/page: UnicodeEncodeError"):
        make("{{ value }}\n", 'return {"value": "\\ud800"}').plan()


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ("{{ value }}", 'return {"value": "hunter2\\n"}'),
        ("{{ value | int + value }}", 'return {"value": "hunter2"}'),
        ("x", 'raise ValueError("hunter2")'),
    ],
)
def test_the_error_about_a_secret_file_shows_nothing_of_it(
    make: Make, template: str, body: str
) -> None:
    """Only what kind of error it was, and where."""
    engine = make(template, body, secret=True)
    with pytest.raises(RenderError, match="module page: /etc/page") as caught:
        engine.plan()
    assert "hunter2" not in str(caught.value)
    assert "could not be rendered" in str(caught.value)


def test_a_template_cannot_reach_into_python(make: Make) -> None:
    """Templates run in a sandbox."""
    engine = make("{{ ().__class__.__mro__ }}\n")
    with pytest.raises(RenderError, match="unsafe"):
        engine.plan()


def test_settings_text_is_printed_literally(make: Make) -> None:
    """A template in a value is not run."""
    engine = make("{{ options.words }}\n")
    engine.editor.set_form("page.options", {"words": "{{ 7*7 }}"}, engine.actor)
    assert "+{{ 7*7 }}\n" in engine.plan().files[0].diff()


def test_a_file_outside_the_manifest_is_refused(make: Make) -> None:
    """A module writes only what an admin could read about."""
    with pytest.raises(PlanError, match="/etc/passwd: the file is not in its manifest"):
        make("x\n", path="/etc/passwd").plan()
