"""Tests of files that are not as they were left: shown, and put back where they are ours."""

from __future__ import annotations

import pytest

from mailstead.errors import MachineError
from mailstead.hand_edits.answers import Answer
from tests.core.hand_edits.editing import (
    BASE,
    CONF,
    OURS,
    YOURS,
    aside,
    edit_of,
    found,
    owned,
    rights,
    save,
    status,
    write,
)
from tests.core.transaction.conftest import Site


def test_other_rights_are_put_back_and_shown(saved: Site) -> None:
    """Owner and mode are ours whoever wrote the content."""
    write(saved, BASE, mode=0o666, uid=7)
    (change,) = saved.engine.plan().files
    assert (change.kind, change.note) == ("rights", "its rights 666 7:0 become 644 0:0")
    assert saved.save() == "committed"
    assert rights(saved) == (0o644, 0)


def test_other_rights_of_an_edited_file_are_put_back_without_its_content(saved: Site) -> None:
    """The edit is as much an edit as before."""
    write(saved, YOURS, mode=0o666)
    (change,) = saved.engine.plan().files
    assert (change.kind, "666" in change.note) == ("rights", True)
    assert saved.save() == "committed"
    assert (rights(saved), saved.content(CONF), aside(saved)) == ((0o644, 0), YOURS, [])
    assert edit_of(saved).state == "edited"
    saved.set(greeting="hi")
    assert edit_of(saved).asks


def test_other_rights_of_a_kept_file_are_put_back_and_it_stays_kept(edited: Site) -> None:
    """With the time and the name of the one who kept it."""
    save(edited, "keep")
    before = owned(edited)
    write(edited, YOURS, mode=0o600)
    assert edited.save() == "committed"
    after = owned(edited)
    assert (after.choice, after.since, after.who) == (before.choice, before.since, before.who)
    assert edited.engine.plan().is_empty


def test_a_removed_file_is_put_back_and_the_plan_says_so(edited: Site) -> None:
    """Also one that was kept: moving it away is how to have ours again."""
    save(edited, "keep")
    edited.machine.remove_file(edited.engine.instance.path(CONF))
    (change,) = edited.engine.plan().files
    assert (change.kind, change.note) == ("create", "it was removed by hand")
    assert edited.save() == "committed"
    assert (edited.content(CONF), owned(edited).choice) == (OURS, "")


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_a_file_that_became_something_else_is_refused(saved: Site, kind: str) -> None:
    """It is neither followed nor emptied."""
    path = saved.engine.instance.path(CONF)
    saved.machine.remove_file(path)
    if kind == "link":
        saved.machine.add_link(path, "/etc/passwd")
    else:
        saved.machine.add_directory(path)
    with pytest.raises(MachineError, match=f"a {kind} stands there"):
        saved.engine.plan()
    (row,) = saved.engine.status()
    assert [item.what for item in row.edits] == ["replaced"]


def test_status_shows_what_is_not_as_it_was_left(edited: Site) -> None:
    """With its age, who decided, and what is decided for the next save."""
    assert found(edited) == [(CONF, "edited", "")]
    edited.engine.edits.decide(Answer(CONF, "keep"))
    (item,) = status(edited)
    assert (item.since, item.decided) == (0.0, "keep")
    edited.save()
    assert found(edited) == [(CONF, "kept", "root")]
    write(edited, OURS, mode=0o600)
    assert found(edited) == [(CONF, "rights", "")]
    write(edited, YOURS, uid=7)
    assert found(edited) == [(CONF, "kept", "root"), (CONF, "rights", "")]
    edited.machine.remove_file(edited.engine.instance.path(CONF))
    assert found(edited) == [(CONF, "removed", "")]


def test_status_says_nothing_of_a_module_that_is_not_enabled(saved: Site) -> None:
    """Its files are left behind, and are nobody's concern."""
    saved.engine.disable(["greeter"])
    saved.save()
    write(saved, YOURS)
    assert status(saved) == []
