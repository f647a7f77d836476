"""The commands: they ask, warn, say that no save is needed, and print JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from mailstead.cli.app import App
from mailstead.errors import ConsentNeeded
from mailstead.plugin import AlreadyExists, InvalidValue, NotFound
from mailstead_users.commands import commands
from mailstead_users.logins import register_login
from mailstead_users.settings import PasswordPolicy
from mailstead_users.users import find_user
from tests.plugins.users.world import World, world

Run = Callable[..., Result]


class Form:
    """Settings that have nothing but the policy's defaults."""

    def form(self, cls: type[PasswordPolicy]) -> PasswordPolicy:
        """Give the policy."""
        return cls()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    """Give a directory without other schemas."""
    with world(tmp_path, ()) as found:
        object.__setattr__(found.context, "settings", cast("Any", Form()))
        yield found


@pytest.fixture
def run(made: World) -> Run:
    """Give a function that runs one command line."""

    def call(line: str, stdin: str = "", *, yes: bool = False, as_json: bool = False) -> Result:
        app = App(prefix="/", yes=yes, json=as_json)
        required: list[str] = []
        audited: list[str] = []
        engine = SimpleNamespace(
            context=lambda _tree: made.context,
            require_enabled=required.append,
            close=lambda: None,
            machine=None,
            audit=lambda event, subject: audited.append(f"{event} {subject}"),
        )
        app.__dict__["engine"] = engine
        name, *words = line.split()
        command = next(item for item in commands if item.name == name)
        done = CliRunner().invoke(command, words, obj=app, input=stdin, catch_exceptions=True)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert {"users"} == set(required)
        if as_json:
            app.finish()
        return done

    return call


def test_a_user_is_added_with_a_password_from_standard_input(run: Run, made: World) -> None:
    """Done at once; the modules' words follow."""
    made.hooks["user_created"] = [lambda _: "created mail account ada@example.org"]
    done = run("user add Ada --first Ada --last Lovelace --password-stdin", "correct horse\n")
    assert ["user ada added; done at once, no save needed",
            "created mail account ada@example.org"] == done.stdout.splitlines()  # fmt: skip
    assert "Lovelace" == made.users.get_user("ada").last_name
    with pytest.raises(AlreadyExists, match="mailstead user show ada"):
        run("user add ada --password-stdin", "correct horse\n")


def test_no_password_is_taken_from_the_command_line(run: Run) -> None:
    """Everybody can see it there."""
    with pytest.raises(AssertionError):
        run("user add ada --password secret-word")


@pytest.mark.parametrize("line", ["user add a/b --password-stdin", "group add a/b"])
def test_a_bad_name_is_told_what_is_accepted_once(run: Run, line: str) -> None:
    """By the grammar, or beside it."""
    with pytest.raises(InvalidValue) as refused:
        run(line, "correct horse\n")
    assert str(refused.value).count("letters a-z") == 1


def test_a_user_is_shown_listed_changed_and_disabled(run: Run) -> None:
    """As JSON too; no password in any of it."""
    run("user add ada --password-stdin", "correct horse\n")
    run("user change ada --comment poet --disabled")
    run("user password ada --password-stdin", "another horse\n")
    run("group add staff --comment all")
    run("group add-member staff ada")
    for refused in ("group add staff", "group add-member staff ada"):
        with pytest.raises(AlreadyExists, match="see `mailstead group show staff`"):
            run(refused)
    shown = run("user show ada").stdout
    assert "poet" in shown
    assert "staff" in shown
    assert "argon" not in shown.lower()
    listed = run("user list a --limit 1").stdout
    assert "for more: --after ada" in listed
    assert "ada" in run("group show staff").stdout
    assert "staff" in run("group list").stdout
    run("group remove-member staff ada")
    with pytest.raises(NotFound, match="see `mailstead group show staff`"):
        run("group remove-member staff ada")
    run("group delete staff", yes=True)
    assert "staff" not in run("user show ada").stdout


def test_deleting_warns_and_asks(run: Run, made: World) -> None:
    """Without an answer nothing is deleted."""
    run("user add ada --password-stdin", "correct horse\n")
    made.hooks["user_warnings"] = [lambda _: ["the mail of ada stays in /var/vmail"]]
    with pytest.raises(ConsentNeeded):
        run("user delete ada")
    assert "ada" == made.users.get_user("ada").name
    ended: list[Sequence[str]] = []
    made.hooks["sessions_end"] = [lambda _context, _machine, logins: ended.append(logins)]
    with made.directory.write() as connection:
        user = find_user(connection, "ada")
        register_login(connection, "ada@example.org", user.id, "example.org/ada")
    done = run("user delete ada", yes=True)
    assert ended == [["ada@example.org"]]
    assert "warning: the mail of ada stays" in done.stderr
    assert "user ada deleted; done at once, no save needed" in done.stdout
    with pytest.raises(NotFound):
        run("user show ada")


def test_lists_are_json_on_request(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """One document with what the table has, and what was said is not in it."""
    run("user add ada --password-stdin", "correct horse\n")
    run("user list --limit 1", as_json=True)
    (found,) = json.loads(capsys.readouterr().out)
    assert {"name": "ada", "first": "", "last": "", "enabled": True, "comment": ""} == found
