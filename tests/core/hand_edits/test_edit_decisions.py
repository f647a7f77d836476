"""Tests of decisions about hand edits: what they hold for, and who made them."""

from __future__ import annotations

import pytest

from mailstead.errors import ConsentNeeded, NotFound
from mailstead.hand_edits.answers import Answer
from mailstead.settings.cells import Actor
from mailstead.settings.decisions import Choice, Decisions
from mailstead.transaction.request import Request
from tests.core.hand_edits.editing import (
    BASE,
    CLASH,
    CONF,
    YOURS,
    aside,
    edit_of,
    owned,
    save,
    write,
)
from tests.core.transaction.conftest import Site


def test_a_decision_waits_for_the_save(edited: Site) -> None:
    """It is made in somebody's name, shown in the plan, and used up."""
    ada = Actor("ada", "test")
    edited.engine.actor = ada
    edited.engine.edits.decide(Answer(CONF, "keep"))
    edited.engine.actor = Actor("bob", "test")
    assert edit_of(edited).choice == "keep"
    assert edited.save() == "committed"
    assert (edited.content(CONF), owned(edited).who) == (YOURS, "ada")
    assert Decisions(edited.engine.store).all() == {}


@pytest.mark.parametrize("choice", ["keep", "take", "merge"])
def test_a_later_edit_voids_a_decision(edited: Site, choice: Choice) -> None:
    """It was about just that content."""
    edited.engine.edits.decide(Answer(CONF, choice))
    write(edited, YOURS + b"# more\n")
    assert edit_of(edited).asks
    with pytest.raises(ConsentNeeded):
        edited.engine.save()


@pytest.mark.parametrize(("choice", "asks"), [("keep", True), ("take", False), ("merge", False)])
def test_keeping_is_decided_against_one_version_of_ours(
    edited: Site, choice: Choice, asks: bool
) -> None:
    """When what we want changes before the save, keeping is asked again; the others hold."""
    edited.engine.edits.decide(Answer(CONF, choice))
    edited.set(greeting="hey")
    assert edit_of(edited).asks == asks


def test_a_side_taken_in_conflicts_is_decided_against_one_version_of_ours(edited: Site) -> None:
    """Other conflicts may have come that nobody has seen."""
    write(edited, CLASH)
    edited.engine.edits.decide(Answer(CONF, "merge", "yours"))
    assert not edit_of(edited).asks
    edited.set(greeting="hey")
    assert edit_of(edited).asks


def test_a_decision_can_be_taken_back(edited: Site) -> None:
    """Then it is asked again."""
    edited.engine.edits.decide(Answer(CONF, "take"))
    edited.engine.edits.ask_again(CONF)
    assert edit_of(edited).asks
    with pytest.raises(NotFound):
        edited.engine.edits.ask_again(CONF)


def test_an_edit_can_be_decided_about_before_it_is_in_the_way(saved: Site) -> None:
    """Keeping runs the checks and tells the daemon; taking puts ours back."""
    write(saved, YOURS)
    saved.engine.edits.decide(Answer(CONF, "keep"))
    plan = saved.engine.plan()
    assert [(item.path, item.kind) for item in plan.files] == [(CONF, "keep")]
    assert plan.checks == ("greeter: greeterd -t",)
    assert saved.save() == "committed"
    assert (saved.content(CONF), saved.services.of("greeterd").reloads) == (YOURS, 1)
    assert saved.engine.plan().is_empty
    saved.engine.edits.decide(Answer(CONF, "take"))
    assert saved.save() == "committed"
    assert (saved.content(CONF), aside(saved)) == (BASE, [YOURS])


def test_deciding_again_what_is_so_changes_nothing(edited: Site) -> None:
    """A script may say it with each save."""
    save(edited, "keep")
    assert save(edited, "keep").outcome == "nothing to do"


def test_the_last_word_holds(edited: Site) -> None:
    """An answer with a save takes the place of an earlier decision, also where nothing is done."""
    save(edited, "keep")
    edited.engine.edits.decide(Answer(CONF, "take"))
    assert save(edited, "keep").outcome == "nothing to do"
    assert edited.engine.plan().is_empty
    edited.engine.edits.decide(Answer(CONF, "take"))
    edited.engine.edits.decide(Answer(CONF, "keep"))
    assert edited.engine.plan().is_empty


def test_an_answer_about_another_file_is_refused(edited: Site) -> None:
    """With the files that could be meant."""
    with pytest.raises(NotFound, match=r"no such file was edited.*greeter\.conf"):
        save(edited, "keep", "/etc/greeter.cnf")


def test_the_plan_that_is_agreed_to_has_the_decision_in_its_name(edited: Site) -> None:
    """Another decision is another plan."""
    choices: tuple[Choice, ...] = ("keep", "take", "merge")
    plans = [edited.engine.plan(answers=[Answer(CONF, choice)]).id for choice in choices]
    assert len({edited.engine.plan().id, *plans}) == 4
    request = Request(answers=[Answer(CONF, "merge")], expected=plans[2])
    assert edited.engine.save(request).outcome == "committed"


def test_what_is_decided_and_done_is_in_the_audit_log(edited: Site) -> None:
    """With the file, by whom, and what was put back."""
    edited.engine.edits.decide(Answer(CONF, "keep"))
    edited.engine.edits.ask_again(CONF)
    save(edited, "take")
    (kept,) = edited.engine.edits.kept_aside()
    edited.engine.edits.restore(CONF)
    log = edited.engine.audit_log.entries()
    about = [(item.event, item.who, item.new) for item in log[::-1] if item.subject == CONF]
    assert about == [
        ("decided", "root", '"keep"'),
        ("decided", "root", None),
        ("take", "root", None),
        ("restored", "root", f'"{kept.id}"'),
    ]
    assert edited.engine.audit_log.verify()[1] == ""
