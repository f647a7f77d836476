"""Tests of the commands about files edited by hand, over a fake machine."""

from __future__ import annotations

import json
import re
from typing import Any

import attrs
import click
import pytest

from mailstead.cli.edits import edits
from mailstead.cli.modules import status
from mailstead.cli.save import plan, save
from mailstead.errors import ConsentNeeded, InvalidInput, NotFound
from tests.core.cli.showing import shown, shown_json
from tests.core.transaction.conftest import Site

CONF = "/etc/greeter.conf"
YOURS = b"greeting hello\nport 7000\n# mine\n"
MERGED = b"greeting hi\nport 7000\n# mine\n"
CLASH = b"greeting moin\nport 7000\n"
HOURS = 3600.0


@attrs.frozen
class Terminal:
    """Runs commands over a site and gives what they print."""

    site: Site

    def run(self, command: click.Command, *words: str) -> str:
        """Run a command and give its words for people."""
        return shown(self.site.engine, command, *words)

    def json(self, command: click.Command, *words: str) -> Any:
        """Run a command with --json and give its document."""
        return shown_json(self.site.engine, command, *words)

    def edit(
        self, content: bytes, *, hours: float = 0, path: str = CONF, mode: int = 0o644
    ) -> None:
        """Edit a file by hand, some hours ago."""
        machine = self.site.machine
        modified = machine.now() - hours * HOURS
        machine.add_file(self.site.engine.instance.path(path), content, mode=mode,
                         modified=modified)  # fmt: skip


@pytest.fixture
def terminal(saved: Site) -> Terminal:
    """Give a terminal at a site whose file was edited, and whose draft would change it too."""
    made = Terminal(saved)
    made.edit(YOURS, hours=5)
    saved.set(greeting="hi")
    return made


def test_the_plan_shows_all_three_versions_the_merge_and_what_is_offered(
    terminal: Terminal,
) -> None:
    """Before anything is asked."""
    said = terminal.run(plan)
    assert f"{CONF}  greeter  edited  5 h  -   needs a decision" in said
    for part in (
        f"--- {CONF} (base)\n+++ {CONF} (yours)\n",
        "+# mine\n",
        f"--- {CONF} (base)\n+++ {CONF} (ours)\n",
        "-greeting hello\n+greeting hi\n",
        "merge: clean\n",
        f"--- {CONF} (yours)\n+++ {CONF} (merged)\n",
        f"decide: save --keep {CONF} (yours stays), --take {CONF} (ours; yours is kept aside), "
        f"or --merge {CONF}\n",
    ):
        assert part in said


def test_the_plan_shows_conflicts_per_hunk(terminal: Terminal) -> None:
    """With base, yours and ours between marks, and the option that decides them."""
    terminal.edit(CLASH)
    said = terminal.run(plan)
    assert "merge: 1 conflict\n" in said
    marked = ("+<<<<<<< yours", " greeting moin", "+||||||| base", "+greeting hello", "+=======",
              "+greeting hi", "+>>>>>>> ours")  # fmt: skip
    assert "\n".join(marked) in said
    assert f"or --merge {CONF} --conflicts yours|ours" in said


def test_the_plan_is_data_too(terminal: Terminal) -> None:
    """Diffs, hunks, what is asked and offered; what was there before still is."""
    terminal.edit(CLASH, hours=1)
    data = terminal.json(plan)
    assert (data["conflicts"], data["kept"]) == ([CONF], [])
    (edit,) = data["edits"]
    assert (edit["what"], edit["asks"], edit["choice"]) == ("edited", True, None)
    assert edit["offers"] == ["keep", "take", "merge"]
    assert edit["merge"]["conflicts"] == 1
    assert edit["merge"]["hunks"] == [{
        "kind": "conflict", "line": 1, "base": ["greeting hello\n"],
        "yours": ["greeting moin\n"], "ours": ["greeting hi\n"],
    }]  # fmt: skip
    assert "+greeting moin\n" in edit["yours"]
    assert "+greeting hi\n" in edit["ours"]


def test_the_plan_can_be_asked_what_an_answer_would_do(terminal: Terminal) -> None:
    """And nothing is decided by that."""
    said = terminal.run(plan, "--merge", CONF)
    assert f"{CONF}  greeter  merge, edited by hand" in said
    assert re.search(r"^\+greeting hi +\S greeter\.options\.greeting \(root\)$", said, re.MULTILINE)
    assert "is merged" in said
    assert terminal.site.engine.plan().conflicts == (CONF,)


def test_an_edit_left_alone_is_in_the_plan_with_its_age(terminal: Terminal) -> None:
    """Also when there is nothing to save."""
    terminal.site.engine.discard()
    said = terminal.run(plan)
    assert f"{CONF}  greeter  edited  5 h  -   is left alone" in said
    assert "There is nothing to save." in said


def test_other_rights_and_removed_files_are_in_the_plan(terminal: Terminal) -> None:
    """Never put back without a word."""
    terminal.edit(YOURS, mode=0o666)
    terminal.site.engine.discard()
    assert "rights, edited by hand, its rights 666 0:0 become 644 0:0" in terminal.run(plan)
    terminal.site.machine.remove_file(terminal.site.engine.instance.path(CONF))
    assert "create, it was removed by hand" in terminal.run(plan)


def test_a_save_is_refused_with_the_three_ways(terminal: Terminal) -> None:
    """Exit status 4."""
    with pytest.raises(ConsentNeeded, match=r"--keep FILE .*--take FILE .*--merge FILE") as refused:
        terminal.run(save)
    assert refused.value.exit_status == 4


@pytest.mark.parametrize(
    ("option", "content"),
    [("--keep", YOURS), ("--take", b"greeting hi\nport 7000\n"), ("--merge", MERGED)],
)
def test_each_way_saves(terminal: Terminal, option: str, content: bytes) -> None:
    """The file may be named as the manual pages do, or by its place in the instance."""
    named = str(terminal.site.engine.instance.path(CONF))
    assert "Saved as revision 2." in terminal.run(save, option, named)
    assert terminal.site.content(CONF) == content


def test_a_save_takes_a_side_in_conflicts(terminal: Terminal) -> None:
    """As --conflicts says."""
    terminal.edit(CLASH)
    with pytest.raises(InvalidInput, match="1 conflict"):
        terminal.run(save, "--merge", CONF)
    terminal.run(save, "--merge", CONF, "--conflicts", "yours")
    assert terminal.site.content(CONF) == CLASH


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--keep", CONF, "--take", CONF), "named more than once"),
        (("--keep", CONF, "--conflicts", "yours"), "nothing without --merge"),
        (("--keep", "/etc/nothing"), "no such file was edited by hand"),
    ],
)
def test_answers_that_make_no_sense_are_refused(
    terminal: Terminal, words: tuple[str, ...], problem: str
) -> None:
    """Nothing is changed."""
    with pytest.raises(InvalidInput, match=problem):
        terminal.run(save, *words)
    assert terminal.site.content(CONF) == YOURS


@pytest.mark.parametrize(
    ("words", "content"),
    [
        (("keep", CONF), YOURS),
        (("take", CONF), b"greeting hi\nport 7000\n"),
        (("merge", CONF), MERGED),
        (("merge", CONF, "--conflicts", "ours"), MERGED),
    ],
)
def test_what_is_decided_is_done_by_the_next_save(
    terminal: Terminal, words: tuple[str, ...], content: bytes
) -> None:
    """And listed until then."""
    assert CONF in terminal.run(edits, *words)
    assert f"5 h  -   {words[0]}" in terminal.run(edits)
    terminal.run(save)
    assert terminal.site.content(CONF) == content


def test_a_decision_can_be_taken_back(terminal: Terminal) -> None:
    """Then the save asks again."""
    terminal.run(edits, "take", CONF)
    assert "Nothing is decided" in terminal.run(edits, "ask", CONF)
    with pytest.raises(ConsentNeeded):
        terminal.run(save)


def test_an_edit_is_shown_as_two_diffs_and_a_merge(terminal: Terminal) -> None:
    """In words and as data."""
    said = terminal.run(edits, "show", CONF)
    assert "(yours)" in said
    assert "(ours)" in said
    assert "merge: clean" in said
    assert terminal.json(edits, "show", CONF)["merge"]["conflicts"] == 0
    with pytest.raises(NotFound):
        terminal.run(edits, "show", "/etc/nothing")


def test_a_secret_file_is_shown_without_its_content(terminal: Terminal) -> None:
    """Neither in words nor as data."""
    secret = "/etc/greeter.secret"
    terminal.edit(b"password tops3cret\n", path=secret, mode=0o600)
    terminal.site.set(password="hunter2 hunter2")
    said = terminal.run(edits, "show", secret) + terminal.run(plan)
    data = json.dumps([terminal.json(edits, "show", secret), terminal.json(plan)])
    assert "not shown" in said
    assert "tops3cret" not in said + data
    assert "hunter2" not in said + data


def test_what_lies_aside_is_listed_and_comes_back(terminal: Terminal) -> None:
    """With its version, size, age and who let it be replaced."""
    terminal.run(save, "--take", CONF)
    (kept,) = terminal.json(edits)["aside"]
    assert (kept["path"], kept["by"], kept["bytes"]) == (CONF, "root", len(YOURS))
    assert f"{CONF}  {kept['version']}  {len(YOURS)}     0 s  root" in (terminal.run(edits))
    assert kept["version"] in terminal.run(edits, "restore", CONF, kept["version"][:5])
    assert terminal.site.content(CONF) == YOURS
    (item,) = terminal.json(edits)["edited"]
    assert (item["path"], item["what"]) == (CONF, "edited")


def test_nothing_edited_is_said_so(saved: Site) -> None:
    """Both lists are empty."""
    assert shown(saved.engine, edits) == "Edited by hand: none\nKept aside: none\n"


def test_status_shows_kept_files_with_age_and_module(terminal: Terminal) -> None:
    """And says nothing where there are none."""
    terminal.run(save, "--keep", CONF)
    terminal.site.machine.sleep(3 * 24 * HOURS)
    said = terminal.run(status)
    assert f"{CONF}  greeter  kept  3 d  root  -" in said
    (row,) = terminal.json(status)
    (item,) = row["edits"]
    assert (item["path"], item["what"], item["who"]) == (CONF, "kept", "root")
    terminal.run(save, "--take", CONF)
    assert "Edited by hand" not in terminal.run(status)
