"""The list of revisions and attempts: in order, with what became of each, and never all of it."""

from __future__ import annotations

import pytest

from mailstead.history.entries import ATTEMPTS, REVISIONS, Entries, Entry
from mailstead.settings.cells import Cell, OwnedFile
from mailstead.settings.file_history import FileHistory
from mailstead.settings.store import Store
from tests.core.settings.samples import ROOT


def save(store: Store, value: int) -> int:
    """Commit a change of one setting."""
    store.edit([Cell("s.a", "", "x", value)], ROOT, 1.0)
    return store.commit_draft(ROOT, 2.0, f"comment {value}")


def note(
    store: Store, phase: str, base: int, revision: int | None = None, reason: str = ""
) -> None:
    """Let the journal say how a save ended."""
    insert = """INSERT INTO saves (format, phase, plan, base, revision, who, origin, at, reason)
        VALUES (1, ?, 'plan', ?, ?, 'ada', 'ssh', 3.0, ?)"""
    store.run(insert, (phase, base, revision, reason))


def shown(entries: tuple[Entry, ...]) -> list[tuple[int | None, int, str]]:
    """Give number, base and state."""
    return [(entry.number, entry.base, entry.state) for entry in entries]


def test_attempts_stand_between_the_revisions_they_were_made_between(store: Store) -> None:
    """Newest first; the times, which a clock may have set back, play no part."""
    save(store, 1)
    note(store, "committed", 0, 1)
    note(store, "rolled back", 1, reason="greeterd says no\nthe rest")
    note(store, "abandoned", 1)
    save(store, 2)
    note(store, "confirming", 1, 2)
    note(store, "prepared", 2)
    found = Entries(store).last(20)
    assert shown(found) == [
        (None, 2, "being saved"),
        (2, 1, "waits to be confirmed"),
        (None, 1, "abandoned"),
        (None, 1, "rolled back"),
        (1, 0, ""),
    ]
    assert ("greeterd says no", "ada", "ssh", None) == (
        found[3].reason, found[3].who, found[3].origin, found[3].settings
    )  # fmt: skip
    assert ("comment 1", "root", 1, 0) == (
        found[4].comment, found[4].who, found[4].settings, found[4].files
    )  # fmt: skip


@pytest.mark.parametrize(
    ("phase", "state"),
    [("rolled back", "undone"), ("unproven", "unproven"), ("needs operator", "needs operator")],
)
def test_a_revision_that_nobody_confirmed_is_marked(store: Store, phase: str, state: str) -> None:
    """It was one for a while."""
    save(store, 1)
    note(store, phase, 0, 1, "it was not confirmed in time")
    (entry,) = Entries(store).last(20)
    assert (1, state, "it was not confirmed in time") == (entry.number, entry.state, entry.reason)


def test_no_more_than_the_limit_is_given_and_pages_leave_no_gap(store: Store) -> None:
    """The next page begins before the last revision that was seen."""
    for value in range(1, 7):
        save(store, value)
        note(store, "rolled back", value)
    assert [6, 5] == [entry.number or entry.base for entry in Entries(store).last(4)][::2]
    page = Entries(store).last(4, before=5)
    assert [(None, 4), (4, 3), (None, 3), (3, 2)] == [(e.number, e.base) for e in page]
    assert () == Entries(store).last(4, before=0)


def test_nothing_but_the_page_is_read(store: Store) -> None:
    """Each query goes down an index, and sorts nothing."""
    for statement in (REVISIONS, ATTEMPTS):
        plan = store.run(f"EXPLAIN QUERY PLAN {statement}", (100, 20)).fetchall()
        steps = [row[3] for row in plan]
        assert all(step.startswith(("SEARCH", "CORRELATED")) for step in steps), steps


def test_files_are_counted_and_pins_told(store: Store) -> None:
    """By the revision that wrote them."""
    number = save(store, 1)
    files = FileHistory(store)
    files.record(OwnedFile("/etc/a", "s", "x", 0o644, number), b"a")
    files.forget("/etc/b", "s", number)
    store.run("INSERT INTO pins VALUES (1, 'before the move', 'root', 1.0)")
    entry = Entries(store).revision(1)
    assert entry is not None
    assert (2, "before the move") == (entry.files, entry.pinned)
    assert Entries(store).revision(2) is None
    assert Entries(store).revision(0) is None


def test_only_a_save_that_still_needs_an_operator_is_told(store: Store) -> None:
    """Not one from before it."""
    assert Entries(store).failed() is None
    note(store, "rolled back", 0)
    assert Entries(store).failed() is None
    note(store, "needs operator", 0, reason="disk")
    failed = Entries(store).failed()
    assert failed is not None
    assert "disk" == failed.reason
