"""The audit log: what is in it, what state an edit is in, and that nobody changes it unseen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstead.settings.audit import DISCARDED, SAVED, AuditLog
from mailstead.settings.cells import Actor, Change
from mailstead.settings.store import Store

ADA = Actor("ada", "ssh from 192.0.2.7")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    """Give an empty log."""
    with Store.open(tmp_path / "s.db", create=True) as store:
        yield AuditLog(store)


def edit(log: AuditLog, field: str, new: object) -> None:
    """Write down an edit."""
    log.edited([Change("mail.options", "", field, None, new, ADA.name, 1.0, ADA.origin)])


def states(log: AuditLog) -> list[str]:
    """Give the states of edits, oldest first."""
    return [e.state for e in reversed(log.entries()) if e.event == "edit"]


def test_an_edit_says_who_from_where_what_old_and_new(log: AuditLog) -> None:
    """All of it in one entry."""
    edit(log, "hostname", "mail")
    (entry,) = log.entries()
    assert (entry.who, entry.origin, entry.subject, entry.old, entry.new) == (
        "ada", "ssh from 192.0.2.7", "mail.options.hostname", None, '"mail"',
    )  # fmt: skip


def test_an_edit_is_pending_until_a_save_covers_it(log: AuditLog) -> None:
    """One that came while the save ran stays pending; a discarded one is neither."""
    edit(log, "a", 1)
    covered = log.head()
    edit(log, "b", 2)
    assert states(log) == ["pending", "pending"]
    log.note(SAVED, "revision 1", ADA, 2.0, str(covered), "1")
    assert states(log) == ["saved", "pending"]
    log.note(DISCARDED, "all", ADA, 3.0)
    assert states(log) == ["saved", "discarded"]


def test_an_edit_whose_save_was_reverted_is_pending_again(log: AuditLog) -> None:
    """Its change is in the draft again."""
    edit(log, "a", 1)
    log.note(SAVED, "revision 1", ADA, 2.0, str(log.head()), "1")
    log.note("reverted", "revision 1 was not confirmed", ADA, 3.0, None, "1")
    assert states(log) == ["pending"]


def test_a_whole_log_is_verified(log: AuditLog) -> None:
    """Also an empty one."""
    assert log.verify() == (0, "")
    for number in range(5):
        edit(log, "a", number)
    assert log.verify() == (5, "")


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE audit SET who = 'eve' WHERE seq = 3", "entry 3 or the one before"),
        ("UPDATE audit SET new = '7' WHERE seq = 5", "entry 5 or the one before"),
        ("DELETE FROM audit WHERE seq = 2", "entry 2 is missing"),
        ("DELETE FROM audit WHERE seq > 3", "the last 2 entries are missing"),
        ("UPDATE audit SET seq = 9 WHERE seq = 5", "entry 5 is missing"),
    ],
)
def test_a_changed_log_is_found(log: AuditLog, statement: str, problem: str) -> None:
    """A changed, a removed and a renumbered entry, in the middle and at the end."""
    for number in range(5):
        edit(log, "a", number)
    log.store.run(statement)
    assert problem in log.verify()[1]


def test_entries_are_given_in_pages(log: AuditLog) -> None:
    """Newest first, before a number, with a text."""
    for number in range(5):
        edit(log, f"f{number}", number)
    assert [e.seq for e in log.entries(limit=2)] == [5, 4]
    assert [e.seq for e in log.entries(before=4, limit=2)] == [3, 2]
    assert [e.seq for e in log.entries(search="f1")] == [2]
