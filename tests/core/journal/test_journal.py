"""The journal and its copy in files: what is read when part of either is damaged or gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstead.errors import MachineError
from mailstead.journal.journal import Journal
from mailstead.journal.journal_file import JournalFile
from mailstead.machine.fake import FakeMachine
from mailstead.machine.values import Path as MachinePath
from mailstead.settings.cells import Actor
from mailstead.settings.store import Store
from mailstead.transaction.changes import FileVersion
from mailstead.transaction.steps import ReplaceFile

ADA = Actor("ada", "test")
FOLDER = MachinePath("/var/lib/mailstead/journal")
STEPS = tuple(
    ReplaceFile(
        "m", f"/etc/{n}", MachinePath(f"/etc/{n}"), None, FileVersion(b"%d" % n, 0o644, 0, 0)
    )
    for n in range(3)
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Give an empty journal."""
    machine = FakeMachine()
    machine.add_directory(FOLDER)
    with Store.open(tmp_path / "s.db", create=True) as store:
        yield Journal(store, JournalFile(machine, FOLDER))


def begin(journal: Journal) -> int:
    """Record a save of three steps, of which one is begun."""
    number = journal.prepared("abc", 4, ADA, 1.0, STEPS)
    journal.about_to(number, 0)
    return number


def spoil(journal: Journal, line: int) -> None:
    """Damage a line of the file."""
    machine = journal.file.machine
    path = FOLDER / "1.jsonl"
    lines = machine.read_file(path).decode().splitlines()
    lines[line] = lines[line][:-9]
    machine.replace_file(path, "\n".join(lines).encode(), mode=0o600, uid=0, gid=0)


def test_what_is_begun_is_known(journal: Journal) -> None:
    """And what is not; until the end."""
    number = begin(journal)
    found = journal.unfinished()
    assert found is not None
    assert (found.plan, found.base, found.actor, found.phase) == ("abc", 4, ADA, "prepared")
    assert [(t.step, t.begun) for t in found.steps] == [
        (STEPS[0], True), (STEPS[1], False), (STEPS[2], False),
    ]  # fmt: skip
    journal.ended(number, "rolled back", "why")
    assert journal.unfinished() is None
    assert journal.file.is_idle()
    last = journal.last()
    assert last is not None
    assert (last.phase, last.reason, last.steps) == ("rolled back", "why", ())


def test_the_copy_is_private_and_holds_the_same(journal: Journal) -> None:
    """Steps count as begun in it: undoing what was not done does nothing."""
    begin(journal)
    state = journal.file.machine.stat_file(FOLDER / "1.jsonl")
    assert state is not None
    assert (state.mode, state.uid) == (0o600, 0)
    found = journal.file.read(1)
    assert [(t.step, t.begun) for t in found.steps] == [(step, True) for step in STEPS]


def test_a_lost_database_leaves_the_copy(journal: Journal, tmp_path: Path) -> None:
    """Another store knows nothing of the save, and finds it in the file."""
    begin(journal)
    with Store.open(tmp_path / "other.db", create=True) as store:
        found = Journal(store, journal.file).unfinished()
    assert found is not None
    assert [taken.step for taken in found.steps] == list(STEPS)


def test_a_copy_that_another_save_of_that_number_left_is_not_taken_for_it(
    journal: Journal, tmp_path: Path
) -> None:
    """A store put back from an older copy gives the number to another save."""
    begin(journal)
    with Store.open(tmp_path / "other.db", create=True) as store:
        machine = FakeMachine()
        machine.add_directory(FOLDER)
        other = Journal(store, JournalFile(machine, FOLDER))
        other.ended(other.prepared("xyz", 1, ADA, 1.0, ()), "rolled back")
        found = Journal(store, journal.file).unfinished()
    assert found is not None
    assert found.plan == "abc"


def test_a_torn_last_record_is_passed_over_and_named(journal: Journal) -> None:
    """The earlier ones are used."""
    begin(journal)
    spoil(journal, 3)
    found = journal.file.read(1)
    assert [taken.step for taken in found.steps] == list(STEPS[:2])
    assert found.damaged == (2,)


def test_a_damaged_record_in_the_store_is_read_from_the_copy(journal: Journal) -> None:
    """And where both are, it is named; the others are used."""
    begin(journal)
    journal.store.run("UPDATE steps SET data = data || ' ' WHERE number = 1")
    found = journal.unfinished()
    assert found is not None
    assert ([t.step for t in found.steps], found.damaged) == (list(STEPS), ())
    spoil(journal, 2)
    found = journal.unfinished()
    assert found is not None
    assert ([t.step for t in found.steps], found.damaged) == ([STEPS[0], STEPS[2]], (1,))


def test_a_journal_of_the_future_is_refused(journal: Journal) -> None:
    """With what to do; nothing is touched."""
    begin(journal)
    journal.store.run("UPDATE saves SET format = 99")
    with pytest.raises(MachineError, match="format 99") as error:
        journal.unfinished()
    assert "upgrade" in error.value.hint


def test_a_copy_that_outlived_its_save_is_swept(journal: Journal) -> None:
    """Its process was killed between the record of the end and the removal."""
    begin(journal)
    content = journal.file.machine.read_file(FOLDER / "1.jsonl")
    journal.ended(1, "rolled back")
    journal.file.machine.replace_file(FOLDER / "1.jsonl", content, mode=0o600, uid=0, gid=0)
    assert journal.unfinished() is None
    journal.sweep()
    assert journal.file.is_idle()
