"""Tests of files edited by hand: seen, asked about, kept, taken and merged."""

from __future__ import annotations

import pytest

from mailstead.errors import ConsentNeeded, InvalidInput
from mailstead.settings.cells import OwnedFile
from mailstead.settings.decisions import Choice
from tests.core.hand_edits.editing import (
    BASE,
    CLASH,
    CONF,
    MERGED,
    OURS,
    SECRET,
    YOURS,
    aside,
    edit_of,
    owned,
    save,
    write,
)
from tests.core.transaction.conftest import Site


def test_an_edit_of_a_file_that_does_not_change_is_left_alone(saved: Site) -> None:
    """Nobody is asked, nothing is done, and it is shown with its age."""
    write(saved, YOURS, modified=1000.0)
    plan = saved.engine.plan()
    assert (plan.is_empty, plan.kept, plan.conflicts) == (True, (CONF,), ())
    edit = edit_of(saved)
    assert (edit.state, edit.since, edit.who, edit.asks) == ("edited", 1000.0, "", False)
    assert saved.save() == "nothing to do"
    assert saved.content(CONF) == YOURS


def test_an_edit_left_alone_is_not_counted_as_saved_by_another_change(saved: Site) -> None:
    """A later change of ours still asks, and the merge has its base."""
    write(saved, YOURS)
    saved.set(password="hunter2 hunter2")
    assert saved.save() == "committed"
    saved.set(greeting="hi")
    edit = edit_of(saved)
    assert (edit.asks, edit.base, edit.yours, edit.ours) == (True, BASE, YOURS, OURS)


def test_an_edit_of_a_file_that_changes_is_asked_about(edited: Site) -> None:
    """The plan has base, yours, ours and the merge; the save names three ways and does nothing."""
    edit = edit_of(edited)
    assert (edit.base, edit.yours, edit.ours) == (BASE, YOURS, OURS)
    assert edit.merge is not None
    assert edit.merge.content() == MERGED
    assert edit.offers == ("keep", "take", "merge")
    with pytest.raises(ConsentNeeded, match=r"greeter\.conf: edited by hand") as refused:
        edited.engine.save()
    for way in ("--keep", "--take", "--merge"):
        assert way in refused.value.hint
    assert (edited.content(CONF), edited.engine.store.revision()) == (YOURS, 1)


def test_keep_leaves_yours_and_asks_again_when_ours_changes_again(edited: Site) -> None:
    """A kept file never silently misses what we want of it."""
    assert save(edited, "keep").outcome == "committed"
    assert edited.content(CONF) == YOURS
    assert edited.engine.plan().is_empty
    file = owned(edited)
    assert (file.choice, file.who, file.base != file.sha256) == ("keep", "root", True)
    edit = edit_of(edited)
    assert (edit.state, edit.base, edit.who, edit.since) == ("kept", OURS, "root", file.since)
    edited.set(greeting="hey")
    assert edit_of(edited).asks
    with pytest.raises(ConsentNeeded):
        edited.engine.save()


def test_take_replaces_yours_and_keeps_it_aside(edited: Site) -> None:
    """With who let it be replaced, and when."""
    assert save(edited, "take").outcome == "committed"
    assert edited.content(CONF) == OURS
    assert owned(edited) == OwnedFile(CONF, "greeter", owned(edited).base, 0o644, 2)
    (kept,) = edited.engine.edits.kept_aside()
    assert (kept.path, kept.version.content, kept.who) == (CONF, YOURS, "root")
    assert 0 < edited.machine.now() - kept.at < 10
    assert edited.engine.plan().edits == ()


def test_merge_takes_both_and_stands_while_it_is_clean(edited: Site) -> None:
    """Later saves merge by themselves, show it, and ask only for a conflict."""
    assert save(edited, "merge").outcome == "committed"
    assert edited.content(CONF) == MERGED
    assert (owned(edited).choice, edited.engine.plan().is_empty) == ("merge", True)
    assert edit_of(edited).state == "merged"
    first = owned(edited)
    edited.set(greeting="hey")
    plan = edited.engine.plan()
    assert [(item.path, item.kind) for item in plan.files] == [(CONF, "merge")]
    assert edited.save() == "committed"
    assert edited.content(CONF) == b"greeting hey\nport 7000\n# mine\n"
    assert (owned(edited).since, owned(edited).who) == (first.since, first.who)
    write(edited, b"greeting moin\nport 7000\n# mine\n")
    edited.set(greeting="good day")
    assert edit_of(edited).asks


def test_a_standing_merge_takes_later_edits_along(edited: Site) -> None:
    """They are merged as the first one was, and lie aside too."""
    save(edited, "merge")
    later = MERGED + b"# more\n"
    write(edited, later)
    edited.set(greeting="hey")
    assert edited.save() == "committed"
    assert edited.content(CONF) == b"greeting hey\nport 7000\n# mine\n# more\n"
    assert aside(edited) == [later, YOURS]


def test_a_merge_that_was_saved_already_is_not_kept_aside_again(edited: Site) -> None:
    """It stands in the history of files, so each save would add one for nothing."""
    save(edited, "merge")
    edited.set(greeting="hey")
    assert edited.save() == "committed"
    assert aside(edited) == [YOURS]


@pytest.mark.parametrize(
    ("side", "merged"),
    [("yours", CLASH), ("ours", MERGED)],
)
def test_a_side_can_be_taken_where_a_merge_conflicts(
    edited: Site, side: str, merged: bytes
) -> None:
    """Without saying which, the merge is refused with what to do."""
    write(edited, CLASH)
    with pytest.raises(InvalidInput, match=r"1 conflict .*--conflicts yours"):
        save(edited, "merge")
    assert save(edited, "merge", conflicts=side).outcome == "committed"
    assert edited.content(CONF) == merged
    assert edited.engine.plan().is_empty


def test_a_merge_that_gives_ours_is_nobodys_choice(edited: Site) -> None:
    """Nothing of yours is left in it, so the next change asks nobody."""
    write(edited, b"greeting moin\nport 7000\n")
    assert save(edited, "merge", conflicts="ours").outcome == "committed"
    assert (owned(edited).choice, edited.engine.plan().is_empty) == ("", True)
    assert aside(edited) == [b"greeting moin\nport 7000\n"]


def test_a_merge_finished_by_hand_is_kept(edited: Site) -> None:
    """The third way out of a conflict."""
    by_hand = b"greeting hi, moin\nport 7000\n# mine\n"
    write(edited, CLASH)
    write(edited, by_hand)
    assert save(edited, "keep").outcome == "committed"
    assert edited.content(CONF) == by_hand


@pytest.mark.parametrize("choice", ["keep", "merge"])
def test_a_file_put_back_to_what_we_render_loses_its_choice(edited: Site, choice: Choice) -> None:
    """It is ours again, and changes without a question."""
    save(edited, choice)
    write(edited, OURS)
    assert [item.kind for item in edited.engine.plan().files] == ["confirm"]
    assert edited.save() == "committed"
    assert (owned(edited).choice, edited.engine.plan().is_empty) == ("", True)
    edited.set(greeting="hey")
    assert edited.save() == "committed"
    assert edited.content(CONF) == b"greeting hey\nport 7000\n"


def test_a_secret_file_is_kept_or_taken_but_not_merged(saved: Site) -> None:
    """Its content is in nothing that is shown."""
    write(saved, b"password tops3cret\n", SECRET, mode=0o600)
    saved.set(password="hunter2 hunter2")
    edit = edit_of(saved)
    assert (edit.offers, edit.merge, edit.secret) == (("keep", "take"), None, True)
    assert "tops3cret" not in repr(edit) + repr(saved.engine.plan().files[0].edit)
    with pytest.raises(InvalidInput, match="its content is secret"):
        save(saved, "merge", SECRET)
    assert save(saved, "take", SECRET).outcome == "committed"
    assert aside(saved, SECRET) == [b"password tops3cret\n"]


def test_what_is_no_text_is_kept_or_taken_but_not_merged(edited: Site) -> None:
    """The reason is told."""
    write(edited, b"\xff\xfe\0")
    with pytest.raises(InvalidInput, match="it is no text"):
        save(edited, "merge")
    assert save(edited, "keep").outcome == "committed"
    assert edited.content(CONF) == b"\xff\xfe\0"


def test_a_file_whose_base_is_not_known_is_not_merged(edited: Site) -> None:
    """Settings of an older version have the digest alone; the edit is seen all the same."""
    edited.engine.store.run("DELETE FROM contents")
    edit = edit_of(edited)
    assert (edit.asks, edit.base, edit.offers) == (True, None, ("keep", "take"))
    with pytest.raises(InvalidInput, match="what was rendered before is not known"):
        save(edited, "merge")
