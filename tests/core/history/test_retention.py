"""Pruning: what is dropped, and what never is."""

from __future__ import annotations

import hashlib

import pytest

from mailstead.errors import InvalidInput, NotFound
from mailstead.history.entries import Entries
from mailstead.history.file_diffs import FileDiffs
from mailstead.history.retention import Pruned, Retention
from mailstead.history.settings_history import SettingsHistory
from mailstead.settings.cells import Cell, OwnedFile
from mailstead.settings.decisions import Decision, Decisions
from mailstead.settings.file_history import FileHistory
from mailstead.settings.store import Store
from tests.core.settings.samples import ROOT

REVISIONS = 6


@pytest.fixture
def used(store: Store) -> Store:
    """Give a store whose revisions each change a setting and a file; one of each stays old."""
    store.edit([Cell("s.a", "", "old", 1)], ROOT, 1.0)
    for number in range(1, REVISIONS + 1):
        store.edit([Cell("s.a", "", "x", number)], ROOT, 1.0)
        assert number == store.commit_draft(ROOT, 2.0, f"number {number}")
        write(store, "/etc/a", number)
        if number == 1:
            write(store, "/etc/old", number)
    return store


def write(store: Store, path: str, number: int, base: bytes = b"") -> None:
    """Record a file of a revision."""
    content = f"{path} {number}\n".encode()
    wanted = hashlib.sha256(base or content).hexdigest()
    file = OwnedFile(path, "s", hashlib.sha256(content).hexdigest(), 0o644, number, wanted)
    FileHistory(store).record(file, content, *([base] if base else []))


def prune(store: Store, keep: int) -> Pruned:
    """Prune as root."""
    return Retention(store).prune(keep, ROOT, 3.0)


def test_the_last_revisions_stay_whole(used: Store) -> None:
    """They can be shown, compared and returned to; older ones are only listed."""
    found = prune(used, 2)
    assert (5, 4, 3, 3) == (found.first, found.changes, found.files, found.contents)
    history, files = SettingsHistory(used), FileDiffs(FileHistory(used))
    assert [("x", 6, 4)] == [(c.field, c.old, c.new) for c in history.net(6, 4)]
    assert "-/etc/a 4\n+/etc/a 5\n" in next(files.between(4, 5)).diff
    with pytest.raises(NotFound, match=r"dropped by .*earliest .* is 4"):
        history.net(6, 3)
    entries = Entries(used).last(20)
    assert list(range(REVISIONS, 0, -1)) == [entry.number for entry in entries]
    assert [1, 1, None] == [entry.settings for entry in entries][:3]
    assert "number 1" == entries[-1].comment


def test_what_is_in_force_keeps_its_origin(used: Store) -> None:
    """Who set it, and the file as it stands, are known however long ago it was."""
    prune(used, 1)
    assert [("old", 1)] == [(c.field, c.new) for c in used.changes_of(1)]
    owned = FileHistory(used).owned()["/etc/old"]
    assert b"/etc/old 1\n" == FileHistory(used).content(owned.sha256)


def test_what_a_merge_starts_from_stays(used: Store) -> None:
    """Also an edit that an admin decided about and that is not saved yet."""
    used.commit((), ROOT, 1.0)
    write(used, "/etc/a", 7, base=b"rendered\n")
    edit = b"mine\n"
    digest = hashlib.sha256(edit).hexdigest()
    used.run("INSERT INTO contents VALUES (?, ?)", (digest, edit))
    Decisions(used).put(Decision("/etc/a", "keep", digest, "ours"))
    prune(used, 1)
    files = FileHistory(used)
    assert b"rendered\n" == files.content(hashlib.sha256(b"rendered\n").hexdigest())
    assert edit == files.content(digest)


def test_a_pin_keeps_a_revision_and_all_since(used: Store) -> None:
    """Until it is taken off."""
    Retention(used).pin(3, "before the move", ROOT, 1.0)
    assert 3 == prune(used, 1).first
    assert [("x", 6, 3)] == [(c.field, c.old, c.new) for c in SettingsHistory(used).net(6, 3)]
    Retention(used).unpin(3)
    assert REVISIONS == prune(used, 1).first
    with pytest.raises(NotFound, match="not pinned"):
        Retention(used).unpin(3)
    with pytest.raises(NotFound, match="pruned already"):
        Retention(used).pin(3, "too late", ROOT, 1.0)


def test_pruning_again_drops_nothing_and_forgets_nothing(used: Store) -> None:
    """Also when more is to be kept than there is."""
    prune(used, 2)
    assert Pruned(5, 0, 0, 0) == prune(used, 2)
    assert Pruned(5, 0, 0, 0) == prune(used, 100)
    assert 5 == SettingsHistory(used).first()


@pytest.mark.parametrize("keep", [0, -1])
def test_the_present_revision_cannot_be_pruned(used: Store, keep: int) -> None:
    """Not even by asking for it."""
    with pytest.raises(InvalidInput, match="always kept"):
        prune(used, keep)


def test_a_pin_has_a_reason(used: Store) -> None:
    """Otherwise nobody dares to take it off."""
    with pytest.raises(InvalidInput, match="say why"):
        Retention(used).pin(3, "  ", ROOT, 1.0)
