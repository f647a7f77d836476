"""Tests of what is kept aside of hand edits, and of how it comes back."""

from __future__ import annotations

import pytest

from mailstead.errors import ConsentNeeded, InvalidInput, MachineError, NotFound
from tests.core.hand_edits.editing import (
    CONF,
    OURS,
    SECRET,
    YOURS,
    aside,
    edit_of,
    rights,
    save,
    write,
)
from tests.core.transaction.conftest import Site


def test_disabling_with_restore_asks_about_an_edit_and_keeps_it_aside(site: Site) -> None:
    """What stood there first comes back; what was made of ours since is not lost."""
    write(site, b"foreign\n")
    site.engine.enable(["greeter"], consents=["greeter"])
    assert site.save() == "committed"
    write(site, YOURS)
    site.engine.disable(["greeter"], restore=True)
    with pytest.raises(ConsentNeeded):
        site.engine.save()
    with pytest.raises(InvalidInput, match="the file is no longer needed"):
        save(site, "merge")
    assert save(site, "take").outcome == "committed"
    assert (site.content(CONF), aside(site)) == (b"foreign\n", [YOURS])


def test_disabling_with_restore_can_leave_an_edit_where_it_is(saved: Site) -> None:
    """It is the admin's own file from then on."""
    write(saved, YOURS)
    saved.engine.disable(["greeter"], restore=True)
    assert save(saved, "keep").outcome == "committed"
    assert saved.content(CONF) == YOURS
    assert saved.content(SECRET) is None
    assert saved.engine.plan().is_empty
    assert saved.engine.plan().edits == ()


def test_a_foreign_file_that_is_taken_over_again_is_not_lost(site: Site) -> None:
    """What stood there first is kept once; what stands there later is kept aside."""
    for content in (b"first\n", b"second\n"):
        write(site, content)
        site.engine.enable(["greeter"], consents=["greeter"])
        assert site.save() == "committed"
        site.engine.disable(["greeter"], restore=True)
        assert site.save() == "committed"
        assert site.content(CONF) == b"first\n"
    assert aside(site) == [b"second\n"]


def test_a_version_kept_aside_comes_back_as_a_hand_edit(edited: Site) -> None:
    """By its id or as the latest; what stands there is kept aside unless it is ours."""
    save(edited, "take")
    (first,) = edited.engine.edits.kept_aside()
    assert edited.engine.edits.restore(CONF).id == first.id
    assert edited.content(CONF) == YOURS
    assert aside(edited) == [YOURS]
    assert edit_of(edited).state == "edited"
    write(edited, b"other\n", mode=0o640)
    edited.engine.edits.restore(CONF, first.id[:6])
    assert (edited.content(CONF), rights(edited)) == (YOURS, (0o640, 0))
    assert set(aside(edited)) == {YOURS, b"other\n"}


def test_a_version_that_was_not_kept_is_refused_with_those_that_were(edited: Site) -> None:
    """Nothing is written."""
    save(edited, "take")
    (kept,) = edited.engine.edits.kept_aside()
    with pytest.raises(NotFound, match=f"no version beef.*{kept.id}"):
        edited.engine.edits.restore(CONF, "beef")
    with pytest.raises(NotFound, match="no version was kept aside"):
        edited.engine.edits.restore("/etc/passwd")
    assert edited.content(CONF) == OURS


def test_restoring_never_follows_a_link(edited: Site) -> None:
    """It is refused, and nothing is written through it."""
    save(edited, "take")
    path = edited.engine.instance.path(CONF)
    edited.machine.remove_file(path)
    edited.machine.add_link(path, "/etc/passwd")
    with pytest.raises(MachineError, match="a link stands there"):
        edited.engine.edits.restore(CONF)


def test_versions_kept_by_an_older_mailstead_are_listed(edited: Site) -> None:
    """They know neither who nor when; the file's date stands for that."""
    save(edited, "take")
    folder = edited.engine.instance.state_path("replaced")
    (name,) = edited.machine.list_directory(folder)
    old = b'{"path": "/etc/greeter.conf", "mode": 420, "uid": 0, "gid": 0, "content": "bWluZQo="}'
    edited.machine.add_file(folder / name, old, mode=0o600, modified=5.0)
    (kept,) = edited.engine.edits.kept_aside()
    assert (kept.version.content, kept.who, kept.at) == (b"mine\n", "", 5.0)


def test_a_stranger_among_what_was_kept_is_named(edited: Site) -> None:
    """Its path and the next step."""
    folder = edited.engine.instance.state_path("replaced")
    edited.machine.add_file(folder / "notes.txt", b"hello\n")
    with pytest.raises(MachineError, match=r"notes\.txt: .*move it away"):
        edited.engine.edits.kept_aside()


def test_what_is_kept_aside_is_for_root_alone(edited: Site) -> None:
    """It may be secret."""
    save(edited, "take")
    folder = edited.engine.instance.state_path("replaced")
    (name,) = edited.machine.list_directory(folder)
    state = edited.machine.stat_file(folder / name)
    assert state is not None
    assert state.mode & 0o777 == 0o600
