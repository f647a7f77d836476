"""A plan that was agreed to and is no longer the one: what moved, and that it is saved once."""

from __future__ import annotations

import attrs
import pytest

from mailstead.errors import PlanMoved
from mailstead.settings.cells import Actor
from mailstead.settings.secret import MASK
from mailstead.transaction.moved import Moved
from mailstead.transaction.outline import KEPT, PlanMemory, outline_of
from mailstead.transaction.request import Request
from mailstead.transaction.rollback import Goal
from tests.core.transaction.conftest import Site

CONF = "/etc/greeter.conf"
GRACE = Actor("grace", "web")


def show(site: Site) -> str:
    """Show the plan and give its id."""
    plan = site.engine.plan()
    site.engine.history.remember(plan)
    return plan.id


def edit(site: Site, **values: object) -> None:
    """Let another admin edit."""
    site.engine.editor.set_form("greeter.options", values, GRACE)


def refused(site: Site, plan: str) -> PlanMoved:
    """Save a plan that has moved: nothing is changed."""
    before = (site.tree(), site.engine.store.revision(), site.engine.store.draft_changes())
    with pytest.raises(PlanMoved) as caught:
        site.engine.save(Request(expected=plan))
    assert (caught.value.exit_status, bool(caught.value.hint)) == (2, True)
    after = (site.tree(), site.engine.store.revision(), site.engine.store.draft_changes())
    assert before == after
    return caught.value


def test_who_saved_meanwhile_is_told_with_what(saved: Site) -> None:
    """And that the draft's part of it is gone from the draft."""
    saved.set(greeting="hi")
    plan = show(saved)
    edit(saved, port=7001)
    saved.engine.actor = GRACE
    saved.engine.save(Request(comment="mine first"))
    edit(saved, port=7002)
    error = refused(saved, plan)
    (theirs,) = error.moved.theirs
    assert (theirs.revision.number, theirs.revision.who, theirs.revision.comment) == (
        2, "grace", "mine first"
    )  # fmt: skip
    assert [(c.field, c.new, c.who) for c in theirs.changes] == [
        ("greeting", "hi", "root"), ("port", 7001, "grace")
    ]  # fmt: skip
    assert [(item.setting, item.old, item.new) for item in error.moved.yours] == [
        ("greeter.options.port", 7001, 7002)
    ]
    assert list(map(str, error.moved.settings)) == [
        "greeter.options.greeting is not in the draft any more",
        "greeter.options.port is new, by grace",
    ]
    assert "grace saved revision 2 meanwhile; greeter.options.greeting is not" in error.problem
    assert error.moved.files == {CONF: "changed on the disk"}


def test_a_setting_that_was_edited_again_is_told_with_its_author(saved: Site) -> None:
    """Both values are there to be compared."""
    saved.set(greeting="hi")
    plan = show(saved)
    edit(saved, greeting="hey")
    error = refused(saved, plan)
    (item,) = error.moved.settings
    assert item.shown is not None
    assert item.now is not None
    assert (item.shown.new, item.now.new, item.now.by) == ("hi", "hey", "grace")
    assert error.moved.files == {CONF: "would be written otherwise"}
    assert error.moved.theirs == ()


def test_a_file_that_was_edited_by_hand_is_told(saved: Site) -> None:
    """The settings are as they were shown."""
    saved.set(greeting="hi")
    plan = show(saved)
    saved.machine.add_file(saved.engine.instance.path(CONF), b"mine\n")
    error = refused(saved, plan)
    assert (error.moved.settings, error.moved.files) == ((), {CONF: "changed on the disk"})


def test_other_actions_are_told(saved: Site) -> None:
    """A daemon that died meanwhile is started, not reloaded."""
    saved.set(greeting="hi")
    plan = show(saved)
    daemon = saved.engine.registry.module("greeter").daemons[0]
    saved.engine.controls(daemon).stop()
    error = refused(saved, plan)
    assert error.moved.actions == ("not any more: reload greeterd", "now also: start greeterd")
    assert error.moved.files == {}


def test_secrets_are_neither_remembered_nor_told(saved: Site) -> None:
    """That one was edited again is known by the time of it."""
    saved.set(password="hunter1 hunter1")
    plan = show(saved)
    remembered = saved.engine.store.run("SELECT data FROM plans").fetchall()
    assert "hunter" not in str(remembered)
    saved.machine.sleep(1)
    edit(saved, password="hunter2 hunter2")
    error = refused(saved, plan)
    assert [str(item) for item in error.moved.settings] == [
        "greeter.options.password differs, by grace"
    ]
    assert [item.new for item in error.moved.yours] == [MASK]
    assert "hunter" not in f"{error} {error.details} {error.moved}"


def test_a_plan_that_nobody_remembers_is_refused_all_the_same(saved: Site) -> None:
    """Then only yours is told."""
    saved.set(greeting="hi")
    error = refused(saved, "0123456789ab")
    assert error.moved == Moved(is_known=False, yours=error.moved.yours)
    assert error.problem == "the plan is no longer what was shown"
    assert len(error.moved.yours) == 1


def test_a_draft_that_was_discarded_is_not_nothing_to_do(saved: Site) -> None:
    """Who agreed to a plan is told that it was not carried out."""
    saved.set(greeting="hi")
    plan = show(saved)
    saved.engine.discard()
    assert "greeter.options.greeting is not in the draft any more" in refused(saved, plan).problem


def test_a_long_list_is_cut_in_the_message_alone(saved: Site) -> None:
    """The data has all of it."""
    saved.set(greeting="hi")
    plan = show(saved)
    for name in "abcdefgh":
        saved.engine.editor.add_row("greeter.guests", {"name": name}, saved.engine.actor)
    error = refused(saved, plan)
    assert error.problem.endswith("; and 4 more")
    assert len(error.details["moved"]["settings"]) == 8


def test_the_last_plans_are_remembered(saved: Site) -> None:
    """A clock that was set back makes no plan that is shown now the first to go."""
    memory = PlanMemory(saved.engine.store)
    saved.set(greeting="hi")
    outline = outline_of(saved.engine.schema, saved.engine.plan())
    for number in range(KEPT + 5):
        memory.remember(attrs.evolve(outline, id=f"plan {number}"), GRACE, 1000.0 + number)
    memory.remember(attrs.evolve(outline, id="early"), GRACE, 1.0)
    assert memory.recall("early") == attrs.evolve(outline, id="early")
    assert memory.recall("plan 24") == attrs.evolve(outline, id="plan 24")
    assert memory.recall("plan 5") is None
    assert saved.engine.store.run("SELECT count(*) FROM plans").fetchone() == (KEPT,)


def test_a_plan_of_nothing_is_not_remembered(saved: Site) -> None:
    """It would push out one that somebody waits to save."""
    show(saved)
    assert saved.engine.store.run("SELECT count(*) FROM plans").fetchone() == (0,)


def test_showing_does_not_fail_while_another_writes(saved: Site) -> None:
    """What is lost is an explanation."""
    saved.set(greeting="hi")
    plan = saved.engine.plan()
    saved.engine.store.run("PRAGMA query_only=ON")
    saved.engine.history.remember(plan)
    saved.engine.store.run("PRAGMA query_only=OFF")
    assert PlanMemory(saved.engine.store).recall(plan.id) is None


def test_a_plan_that_is_saved_twice_is_one_commit(saved: Site) -> None:
    """The second answer says as which revision, also when others were saved since."""
    saved.set(greeting="hi")
    plan = show(saved)
    assert saved.engine.save(Request(expected=plan)).outcome == "committed"
    again = saved.engine.save(Request(expected=plan))
    assert (again.outcome, again.revision, again.reason) == (
        "nothing to do", 2, "already saved as revision 2"
    )  # fmt: skip
    saved.set(greeting="hey")
    saved.save()
    assert saved.engine.save(Request(expected=plan)).reason == "already saved as revision 2"
    assert saved.engine.store.revision() == 3


def test_a_plan_that_another_admin_saved_as_it_was_is_saved(saved: Site) -> None:
    """They share the draft."""
    saved.set(greeting="hi")
    plan = show(saved)
    saved.engine.actor = GRACE
    saved.save()
    assert saved.engine.save(Request(expected=plan)).reason == "already saved as revision 2"


def test_a_first_save_with_packages_is_one_commit_too(site: Site) -> None:
    """Though installing them makes another plan."""
    site.engine.enable(["greeter"], consents=["greeter"])
    plan = show(site)
    assert site.engine.save(Request(expected=plan)).outcome == "committed"
    assert site.engine.save(Request(expected=plan)).reason == "already saved as revision 1"


def test_going_back_twice_is_one_commit(saved: Site) -> None:
    """As any plan with an id."""
    saved.set(greeting="hi")
    saved.save()
    plan = saved.engine.plan(back_to=Goal(1)).id
    request = Request(expected=plan, back_to=Goal(1))
    assert saved.engine.save(request).outcome == "committed"
    assert saved.engine.save(request).reason == "already saved as revision 3"


def test_one_that_waits_to_be_confirmed_was_saved_and_one_that_was_undone_was_not(
    saved: Site,
) -> None:
    """Asking again neither confirms nor repeats it."""
    saved.set(greeting="hi")
    plan = show(saved)
    request = Request(expected=plan, confirm=60)
    assert saved.engine.save(request).outcome == "committed"
    assert saved.engine.save(request).reason == "already saved as revision 2"
    saved.machine.sleep(61)
    with pytest.raises(PlanMoved, match="mailstead saved revision 3 meanwhile"):
        saved.engine.save(request)
    assert saved.content(CONF) == b"greeting hello\nport 7000\n"
