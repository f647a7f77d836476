"""The command ``expiry``: what becomes of its arguments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailstead.cli.app import App
from mailstead.engine import Engine
from mailstead.errors import InvalidValue
from mailstead.testing import fake_engine
from mailstead_mail_retrieval.cli.expiry import expiry_group
from mailstead_mail_retrieval.settings import Expiration

MODULES = ("network", "users", "mail_smtp", "mail_retrieval")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Give an engine in which nothing is enabled yet."""
    with fake_engine(tmp_path, {name: f"mailstead_{name}" for name in MODULES}) as made:
        yield made


def run(engine: Engine, *words: str) -> Result:
    """Run ``expiry`` with words."""
    app = App(prefix="/")
    app.__dict__["engine"] = engine
    return CliRunner().invoke(expiry_group, words, obj=app, catch_exceptions=False)


def test_a_rule_is_set_and_changed(engine: Engine) -> None:
    """The days are a number to the draft."""
    for days in ("30", "14"):
        assert run(engine, "set", "Trash", days).exit_code == 0
    row = engine.context_settings("draft").row(Expiration, "Trash")
    assert row == Expiration(folder="Trash", days=14)
    assert run(engine, "set", "--help").exit_code == 0


@pytest.mark.parametrize("days", ["-1", "0", "ten", "36501"])
def test_bad_days_are_refused_by_the_field(engine: Engine, days: str) -> None:
    """Also negative ones, which look like an option."""
    with pytest.raises(InvalidValue, match=r"^mail_retrieval\.expiration\[Trash\]\.days: "):
        run(engine, "set", "Trash", days)


@pytest.mark.parametrize("folder", ["-1", "--nosuch", "INBOX"])
def test_what_is_no_folder_is_refused_by_the_field(engine: Engine, folder: str) -> None:
    """With what a folder may be called."""
    with pytest.raises(InvalidValue, match=r"expiration\.folder: .*expected the name of a folder"):
        run(engine, "set", folder, "30")
