"""Tests of how plans are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailstead.cli.app import App
from mailstead.cli.save import plan
from mailstead.testing import fake, fake_engine
from tests.core.packages import Packages

MINE = "/etc/mailstead/snippets/page/page.conf"
CODE = """
from mailstead.plugin import *
module = Module(files=[Template("/etc/page", "page.j2", snippet="page.conf")])
"""


@pytest.fixture
def app(tmp_path: Path, packages: Packages) -> Iterator[App]:
    """Give the command line of an instance with a snippet."""
    manifest = '[[paths]]\npath = "/etc/page"\nreason = "is a page"'
    source = packages.add("page", manifest, CODE, page="page\n")
    with fake_engine(tmp_path, {"page": source.package}) as engine:
        engine.enable(["page"], consents=["page"])
        fake(engine).add_file(engine.instance.path(MINE), b"mine\n")
        made = App(prefix=str(tmp_path))
        made.engine = engine
        yield made


def test_a_plan_names_the_additions_it_uses(app: App) -> None:
    """And its diff shows them."""
    done = CliRunner().invoke(plan, [], obj=app, standalone_mode=False)
    assert f"uses {MINE}\n" in done.output
    assert "+mine\n" in done.output


def test_a_plan_as_data_names_them_too(app: App) -> None:
    """For scripts."""
    app.json = True

    def run() -> str:
        done = CliRunner().invoke(plan, [], obj=app, standalone_mode=False)
        assert done.exception is None
        return json.dumps(app._data, default=str)

    assert json.loads(run())["uses"] == [MINE]
