"""The command ``domain`` before there is a directory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailstead.cli.app import App
from mailstead.engine import Engine
from mailstead.errors import NotFound
from mailstead.testing import fake_engine
from mailstead_mail_smtp.cli.domain import domain_group
from mailstead_mail_smtp.settings import Domains


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Give an engine in which nothing is enabled yet."""
    plugins = {name: f"mailstead_{name}" for name in ("network", "users", "mail_smtp")}
    with fake_engine(tmp_path, plugins) as made:
        yield made


def run(engine: Engine, *words: str) -> Result:
    """Run ``domain`` with words."""
    app = App(prefix="/")
    app.__dict__["engine"] = engine
    return CliRunner().invoke(domain_group, words, obj=app, catch_exceptions=False)


@pytest.mark.parametrize("verb", ["add", "set"])
def test_a_default_mailbox_may_come_before_the_first_save(engine: Engine, verb: str) -> None:
    """What is said of it is a warning, and the command has done what it says."""
    if verb == "set":
        run(engine, "add", "example.org")
    done = run(engine, verb, "example.org", "--default-mailbox", "Ada@EXAMPLE.org")
    assert (done.exit_code, "there is no mail account ada@example.org yet" in done.output) == (
        0, True,
    )  # fmt: skip
    row = engine.context_settings("draft").row(Domains, "example.org")
    assert row is not None
    assert row.default_mailbox == "ada@example.org"


@pytest.mark.parametrize("verb", ["add", "set"])
def test_a_catch_all_here_that_nobody_has_is_warned_of(engine: Engine, verb: str) -> None:
    """As soon as it is set, and not again by a change of something else."""
    run(engine, "add", "example.org")
    if verb == "set":
        run(engine, "add", "example.com")
    done = run(engine, verb, "example.com", "--catch-all", "copies@example.org")
    assert "neither a mail account nor an alias copies@example.org" in done.output
    assert "warning" not in run(engine, "set", "example.com", "--comment", "x").output


@pytest.mark.parametrize(
    ("words", "step"),
    [
        (("remove", "EXAMPLE.net"), "mailstead domain alias remove example.net"),
        (("set", "example.net", "--comment", "x"), "mailstead domain set example.org"),
    ],
)
def test_an_alias_of_a_domain_is_no_domain(engine: Engine, words: list[str], step: str) -> None:
    """Whoever takes it for one is told the command."""
    run(engine, "add", "example.org")
    run(engine, "alias", "add", "example.net", "example.org")
    with pytest.raises(NotFound, match=r"an alias of the domain example\.org") as refused:
        run(engine, *words)
    assert step in refused.value.hint


def test_domains_are_listed_before_the_first_save(engine: Engine) -> None:
    """There are no accounts to warn of."""
    run(engine, "add", "example.org")
    done = run(engine, "list")
    assert (done.exit_code, "warning" in done.output) == (0, False)


def test_whether_a_domain_is_in_effect_is_a_boolean_to_programs(engine: Engine) -> None:
    """A word to people."""
    run(engine, "add", "example.org")
    app = App(prefix="/", json=True)
    app.__dict__["engine"] = engine
    with CliRunner().isolation() as (out, *_):
        domain_group.main(["list"], obj=app, standalone_mode=False)
        app.finish()
        (row,) = json.loads(out.getvalue())
    assert row["in_effect"] is False
