"""History, differences and going back, as typed; over a fake machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import click
import pytest

from mailstead.cli.main import run
from mailstead.engine import Engine
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.moment import words_of
from mailstead.testing import fake_engine
from mailstead.transaction.request import Request
from tests.core import greeter
from tests.core.packages import Packages
from tests.core.transaction.conftest import Site

CONF = "/etc/greeter.conf"
SECRET = "hunter2 hunter2"


@attrs.frozen
class Typed:
    """What a command line printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Read the JSON document."""
        return json.loads(self.out)


@attrs.frozen
class Desk:
    """A site and the command line over it; each command opens the instance anew."""

    site: Site
    capture: pytest.CaptureFixture[str]

    def type(self, *words: str) -> Typed:
        """Run a command line."""
        self.capture.readouterr()
        status = run(["--instance", str(self.site.engine.instance.prefix), *words])
        printed = self.capture.readouterr()
        return Typed(status, printed.out, printed.err)

    def draft(self) -> list[str]:
        """Give the settings that the draft changes."""
        return [change.where for change in self.site.engine.store.draft_changes()]


@pytest.fixture
def desk(
    tmp_path: Path,
    packages: Packages,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desk]:
    """Give a desk with three revisions: enabled; greets with hi and a secret; greets with hey."""
    source = packages.add(
        "greeter", greeter.MANIFEST, greeter.CODE, conf=greeter.CONF, secret=greeter.SECRET
    )
    machine = FakeMachine()
    machine.available["greeterd"] = "1.0"
    services = FakeServices(machine)
    plugins = {source.name: source.package}
    with fake_engine(tmp_path, plugins, machine=machine, services=services) as engine:
        site = Site(engine, machine, services)
        engine.enable(["greeter"], consents=["greeter"])
        engine.save(Request(comment="first"))
        site.set(greeting="hi", password=SECRET)
        engine.save(Request(comment="friendlier"))
        site.set(greeting="hey")
        engine.save()
        opened: Callable[..., Engine] = partial(
            Engine.open, machine=machine, registry=engine.registry, services=services
        )
        monkeypatch.setattr(Engine, "open", opened)
        yield Desk(site, capsys)


def test_the_history_lists_what_was_saved_and_what_was_not(desk: Desk) -> None:
    """Newest first, each with who, when, how much and why."""
    desk.site.services.break_reload("greeterd")
    desk.site.set(greeting="ho")
    assert desk.site.save() == "rolled back"
    lines = desk.type("history").out.splitlines()
    assert lines[1].split() == [
        "REVISION", "WHEN", "WHO", "FROM", "SETTINGS", "FILES", "STATE", "COMMENT"
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[2:]] == ["-", "3", "2", "1"]
    assert "rolled back" in lines[2]
    assert lines[4].endswith("friendlier")
    assert words_of(desk.site.engine.store.revisions(1)[0].at) in lines[3]
    entries = desk.type("--json", "history").data
    assert [(e["number"], e["state"], e["settings"], e["files"]) for e in entries] == [
        (None, "rolled back", None, None), (3, "", 1, 1), (2, "", 2, 2), (1, "", 3, 2)
    ]  # fmt: skip
    assert entries[0]["reason"]
    assert "\n" not in entries[0]["reason"]


def test_a_long_history_comes_in_pages(desk: Desk) -> None:
    """So many, and those before one."""
    assert [e["number"] for e in desk.type("--json", "history", "--limit", "2").data] == [3, 2]
    page = desk.type("--json", "history", "--limit", "2", "--before", "2").data
    assert [entry["number"] for entry in page] == [1]
    assert desk.type("history", "--limit", "0").status == 2


def test_what_waits_to_be_confirmed_is_marked_and_status_says_so(desk: Desk) -> None:
    """With the next step."""
    served = desk.type("status").out
    assert "Revision 3 is served since 20" in served
    assert "confirm" not in served
    desk.site.set(greeting="ho")
    desk.site.engine.save(Request(confirm=60))
    out = desk.type("history").out
    assert "waits to be confirmed" in out.splitlines()[2]
    assert "`mailstead revert`" in out
    assert "waits to be confirmed: `mailstead confirm`" in desk.type("status").out
    desk.site.engine.revert()
    assert "undone" in desk.type("history").out.splitlines()[3]


def test_status_says_when_an_operator_is_needed(desk: Desk) -> None:
    """With the reason; a warning, on standard error."""
    insert = """INSERT INTO saves (format, phase, plan, base, who, origin, at, reason)
        VALUES (1, 'needs operator', 'plan', 3, 'root', 'ssh', 1.0, 'the disk is gone')"""
    desk.site.engine.store.run(insert)
    assert "a save needs an operator: the disk is gone" in desk.type("status").err


def test_a_revision_is_shown_with_settings_and_diffs_but_no_secret(desk: Desk) -> None:
    """Who, when, why; the masked setting; the secret file by name alone."""
    shown = desk.type("history", "show", "2").out
    assert "friendlier" in shown
    assert "-greeting hello" in shown
    assert "+greeting hi" in shown
    assert "/etc/greeter.secret" in shown
    assert "********" in shown
    data = desk.type("--json", "history", "show", "2")
    assert {c["setting"]: c["new"] for c in data.data["changes"]} == {
        "greeter.options.greeting": "hi", "greeter.options.password": "********"
    }  # fmt: skip
    assert [item["what"] for item in data.data["files"]] == ["changed", "changed"]
    assert "hunter" not in shown + data.out
    missing = desk.type("history", "show", "4")
    assert (missing.status, "the last is 3" in missing.err) == (2, True)


def test_two_revisions_are_compared(desk: Desk) -> None:
    """One with another, with what is served, and the draft; each way."""
    assert "+greeting hey" in desk.type("diff", "1", "3").out
    assert "+greeting hello" in desk.type("diff", "3", "1").out
    data = desk.type("--json", "diff", "2").data
    assert (data["from"], data["to"], data["changes"][0]["old"]) == (2, 3, "hi")
    assert [item["path"] for item in data["files"]] == [CONF]
    assert "There is no difference." in desk.type("diff", "3", "3").out
    assert "There are no unsaved changes." in desk.type("diff").out
    desk.site.set(greeting="ho", password="other secret")
    out = desk.type("diff").out
    assert "mailstead plan" in out
    assert "other secret" not in out
    data = desk.type("--json", "diff").data
    assert (data["from"], data["to"], len(data["changes"])) == (3, "draft", 2)
    assert desk.type("diff", "7").status == 2
    assert desk.type("--json", "diff", "0", "1").data["changes"][0]["old"] is None


def test_going_back_is_shown_asked_and_saved(desk: Desk) -> None:
    """With a comment of its own, and another in its place."""
    done = desk.type("rollback", "1", "--yes")
    assert (done.status, "Saved as revision 4." in done.out) == (0, True)
    (line,) = [line for line in done.out.splitlines() if line.startswith("+greeting hello")]
    assert "greeter.options.greeting" in line
    assert desk.site.content(CONF) == b"greeting hello\nport 7000\n"
    assert desk.site.engine.store.revisions(1)[0].comment == "back to revision 1"
    words = ("rollback", "3", "--module", "greeter", "--comment", "why not", "--yes", "--json")
    assert desk.type(*words).data["revision"] == 5
    assert desk.site.engine.store.revisions(1)[0].comment == "why not"


@pytest.mark.parametrize("at_terminal", [False, True])
def test_without_an_answer_or_with_no_the_draft_is_as_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, at_terminal: bool
) -> None:
    """Exit status 4; nothing is changed."""
    before = desk.site.tree()
    monkeypatch.setattr("sys.stdin.isatty", lambda: at_terminal, raising=False)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: False)
    assert desk.type("rollback", "1").status == 4
    assert (desk.draft(), desk.site.tree()) == ([], before)


@pytest.mark.parametrize("number", ["3", "9", "0"])
def test_what_cannot_be_gone_back_to_exits_with_2(desk: Desk, number: str) -> None:
    """The present revision, and such as never were."""
    assert desk.type("rollback", number, "--yes").status == 2
    desk.site.set(greeting="ho")
    refused = desk.type("rollback", "1", "--yes")
    assert (refused.status, "mailstead discard" in refused.err) == (2, True)


def test_going_back_that_is_undone_leaves_nothing_in_the_draft(desk: Desk) -> None:
    """And does not say that something were in it."""
    desk.site.services.break_reload("greeterd")
    done = desk.type("rollback", "1", "--yes")
    assert (done.status, desk.draft()) == (5, [])
    assert "still in the draft" not in done.out


def test_a_plan_that_moved_shows_theirs_and_yours(desk: Desk) -> None:
    """In words, and as data in the error; nothing is saved."""
    desk.site.set(greeting="ho")
    plan = desk.type("--json", "plan").data["id"]
    desk.site.set(port=7001)
    desk.site.engine.save(Request(comment="theirs"))
    desk.site.set(password="open sesame")
    refused = desk.type("save", "--plan", plan)
    assert refused.status == 2
    assert "Saved meanwhile, revision 4 by root: theirs" in refused.out
    assert "greeter.options.password  ********  ********" in refused.out
    data = desk.type("--json", "save", "--plan", plan).data["error"]
    assert "root saved revision 4 meanwhile" in data["problem"]
    theirs = data["moved"]["theirs"][0]
    assert theirs["revision"]["number"] == 4
    assert [change["field"] for change in theirs["changes"]] == ["greeting", "port"]
    assert [item["setting"] for item in data["moved"]["yours"]] == ["greeter.options.password"]
    assert "sesame" not in refused.out + json.dumps(data)
    assert desk.site.engine.store.revision() == 4
    unknown = desk.type("save", "--plan", "0123456789ab")
    assert (unknown.status, "Nobody remembers" in unknown.out) == (2, True)


def test_a_plan_saved_twice_says_so_and_is_no_failure(desk: Desk) -> None:
    """Exit status 0, and one revision."""
    desk.site.set(greeting="ho")
    plan = desk.type("--json", "plan").data["id"]
    assert desk.type("save", "--plan", plan).status == 0
    again = desk.type("save", "--plan", plan)
    assert (again.status, "already saved as revision 4" in again.out) == (0, True)
    data = desk.type("--json", "save", "--plan", plan).data
    assert (data["outcome"], data["reason"]) == ("nothing to do", "already saved as revision 4")
    assert desk.site.engine.store.revision() == 4


def test_old_history_is_pruned_but_for_what_is_pinned(desk: Desk) -> None:
    """It asks first; what is gone is said to be."""
    assert desk.type("history", "prune", "--keep", "1").status == 4
    assert desk.type("history", "pin", "2", "before the move").status == 0
    assert "[kept: before the move]" in desk.type("history").out
    assert desk.type("--json", "history", "prune", "--keep", "1", "--yes").data["first"] == 2
    assert desk.type("history", "unpin", "2").status == 0
    assert "whole from revision 3 on" in desk.type("history", "prune", "--keep", "1", "--yes").out
    assert "dropped by `mailstead history prune`" in desk.type("history", "show", "2").out
    pruned = desk.type("--json", "history", "show", "2").data
    assert (pruned["settings"], pruned["changes"], pruned["files"]) == (None, [], [])
    assert "dropped by" in desk.type("diff", "1").err
    assert desk.type("rollback", "1", "--yes").status == 2
    assert desk.type("history", "prune", "--keep", "0", "--yes").status == 2
    assert [e["number"] for e in desk.type("--json", "history").data] == [3, 2, 1]
    audited = [entry.event for entry in desk.site.engine.audit_log.entries(limit=4)]
    assert audited == ["pruned", "unpinned", "pruned", "pinned"]
