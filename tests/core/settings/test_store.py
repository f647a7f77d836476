"""The store: a private file, an overlay, revisions."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from mailstead.errors import InstanceError, Locked, StoreDamaged
from mailstead.settings.cells import Cell, mask
from mailstead.settings.store import COMMIT, DRAFT_CHANGES, Store

from .samples import ROOT, House


def _edit(store: Store, *cells: tuple[str, str, str, object]) -> None:
    store.edit([Cell(*cell) for cell in cells], ROOT, 1.0)


def test_the_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    """Also SQLite's own files beside it."""
    old = os.umask(0)
    try:
        with Store.open(tmp_path / "s.db", create=True) as store:
            _edit(store, ("a.b", "", "c", 1))
            assert {0o600} == {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(old)


def test_a_missing_store_is_not_made_by_accident(tmp_path: Path) -> None:
    """Only when it is asked for."""
    with pytest.raises(InstanceError, match="no settings here"):
        Store.open(tmp_path / "s.db")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("PRAGMA user_version=99", r"newer Mailstead \(format 99\)"),
        ("CREATE TABLE other (x)", "something else"),
    ],
)
def test_a_store_that_is_not_ours_is_refused(tmp_path: Path, statement: str, problem: str) -> None:
    """And left alone."""
    path = tmp_path / "s.db"
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.close()
    path.chmod(0o600)
    with pytest.raises(InstanceError, match=problem):
        Store.open(path, create=True)


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    """Garbage, a link, a folder, a file others may read."""
    garbage, link, public = tmp_path / "garbage", tmp_path / "link", tmp_path / "public"
    garbage.write_bytes(b"x" * 5000)
    garbage.chmod(0o600)
    link.symlink_to(garbage)
    public.touch(0o644)
    for path in (link, public, tmp_path):
        with pytest.raises(InstanceError):
            Store.open(path, create=True)
    with pytest.raises(StoreDamaged, match="not a database"):
        Store.open(garbage, create=True)


def test_a_path_with_odd_characters_is_that_path(tmp_path: Path) -> None:
    """It is not read as a URI's query."""
    path = tmp_path / "a?mode=memory#b%20 ü.db"
    Store.open(path, create=True).close()
    with Store.open(path) as store:
        assert 0 == store.revision()


def test_it_is_durable(store: Store) -> None:
    """Write-ahead log, full sync, foreign keys."""
    found = [
        store.run(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "user_version")
    ]
    assert ["wal", 2, 1, 5000, 5] == found


def test_the_draft_overlays_running(store: Store) -> None:
    """Set, changed and unset cells; running sees nothing before the commit."""
    _edit(store, ("s.t", "a", "x", 1), ("s.t", "a", "y", [1, "ü"]), ("s.t", "b", "x", None))
    assert {"x": 1, "y": [1, "ü"]} == store.record("draft", "s.t", "a")
    assert {} == store.record("running", "s.t", "a")
    assert 1 == store.commit_draft(ROOT, 2.0)
    _edit(store, ("s.t", "a", "x", None), ("s.t", "a", "y", 2), ("s.t", "c", "x", 3))
    assert [("a", {"y": 2}), ("c", {"x": 3})] == list(store.records("draft", "s.t"))
    assert [("a", {"x": 1, "y": [1, "ü"]})] == list(store.records("running", "s.t"))
    assert (2, 1) == (store.count("draft", "s.t"), store.count("running", "s.t"))


def test_a_prefix_is_whole_parts_of_a_key(store: Store) -> None:
    """``a`` is not a prefix of ``ab`` or ``a-b``."""
    keys = ["a", "a/1", "a/2/x", "a-b/1", "ab/1", "b/1", "a0"]
    _edit(store, *(("s.t", key, "x", 1) for key in keys))
    for tree in ("draft", "running"):
        assert ["a", "a/1", "a/2/x"] == [key for key, _ in store.records(tree, "s.t", "a")]
        assert sorted(keys) == [key for key, _ in store.records(tree, "s.t")]
        store.commit_draft(ROOT, 2.0)


def test_keys_beyond_ascii_are_merged_in_order(store: Store) -> None:
    """SQLite's order and Python's are the same."""
    keys = ["z", "é", "\uffee", "\U0001f600"]
    _edit(store, *(("s.t", key, "x", 1) for key in keys))
    store.commit_draft(ROOT, 1.0)
    _edit(store, *(("s.t", key, "x", 2) for key in keys[::2]))
    assert [(k, {"x": 2 - i % 2}) for i, k in enumerate(keys)] == list(
        store.records("draft", "s.t")
    )


def test_a_draft_equal_to_running_is_no_draft(store: Store) -> None:
    """Neither a set value nor an unset one."""
    _edit(store, ("s.t", "", "x", {"b": 1, "a": 2}), ("s.t", "", "y", None))
    store.commit_draft(ROOT, 1.0)
    _edit(store, ("s.t", "", "x", 5), ("s.t", "", "y", 5))
    assert store.has_draft()
    _edit(store, ("s.t", "", "x", {"a": 2, "b": 1}), ("s.t", "", "y", None))
    assert not store.has_draft()
    assert () == store.draft_changes()


def test_history_keeps_who_when_where_and_what(store: Store) -> None:
    """Each change by its own author, the revision by who saved."""
    _edit(store, ("s.t", "k", "y", 2), ("s.t", "k", "x", 1))
    changes = store.draft_changes()
    assert [("s.t[k].x", None, 1), ("s.t[k].y", None, 2)] == [
        (c.where, c.old, c.new) for c in changes
    ]
    assert 1 == store.commit_draft(ROOT, 2.0, "first", "p1")
    assert changes == store.changes_of(1)
    _edit(store, ("s.t", "k", "x", None))
    assert 2 == store.commit_draft(ROOT, 3.0)
    assert [(1, None)] == [(c.old, c.new) for c in store.changes_of(2)]
    assert [2, 1] == [revision.number for revision in store.revisions(5)]
    first = store.revisions(5)[1]
    assert ("root", 2.0, "command line", "first", "p1") == (
        first.who, first.at, first.origin, first.comment, first.plan
    )  # fmt: skip
    assert {"y": 2} == store.record("running", "s.t", "k")


def test_the_last_change_of_a_cell_is_found_with_its_revision(store: Store) -> None:
    """Set, changed, unset again, or never touched; the draft does not count."""
    _edit(store, ("s.t", "k", "x", 1), ("s.t", "k", "y", 1))
    store.commit_draft(ROOT, 2.0, "first")
    _edit(store, ("s.t", "k", "x", 2), ("s.t", "k", "y", None))
    store.commit_draft(ROOT, 3.0, "second")
    _edit(store, ("s.t", "k", "x", 3), ("s.t", "", "z", 3))
    store.commit_draft(ROOT, 4.0, "third")
    _edit(store, ("s.t", "k", "x", 9), ("s.t", "k", "w", 9))
    found = {name: store.last_change("s.t", "k", name) for name in "xyw"}
    assert found["w"] is None
    assert found["x"] is not None
    assert found["y"] is not None
    told = [(c.old, c.new, c.who, r.number, r.comment) for c, r in (found["x"], found["y"])]
    assert [(2, 3, "root", 3, "third"), (1, None, "root", 2, "second")] == told


def test_discard_drops_all_or_some_sections(store: Store) -> None:
    """An empty list drops nothing."""
    _edit(store, ("a.b", "", "x", 1), ("c.d", "", "x", 1))
    store.discard([])
    assert 2 == len(store.draft_changes())
    store.discard(["a.b"])
    assert ["c.d"] == [change.section for change in store.draft_changes()]
    store.discard()
    assert not store.has_draft()


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    """An inner one that fails takes its own writes with it, the outer one all."""
    with store.transaction():
        _edit(store, ("s.t", "", "x", 1))
        with suppress(KeyError), store.transaction():
            _edit(store, ("s.t", "", "y", 1))
            raise KeyError
    assert {"x": 1} == store.record("draft", "s.t", "")
    with suppress(KeyError), store.transaction():
        store.commit_draft(ROOT, 1.0)
        raise KeyError
    assert 0 == store.revision()
    assert store.has_draft()


def test_a_trial_leaves_nothing(store: Store) -> None:
    """What it wrote is seen inside; an error inside comes out."""
    with store.trial():
        _edit(store, ("s.t", "", "x", 1))
        assert store.has_draft()
    assert not store.has_draft()
    with pytest.raises(KeyError), store.trial():
        raise KeyError


def test_a_second_writer_is_told_to_wait(store: Store, tmp_path: Path) -> None:
    """After the time-out it gets Locked; readers go on."""
    with Store.open(tmp_path / "settings.db") as other, store.transaction():
        _edit(store, ("s.t", "", "x", 1))
        other.run("PRAGMA busy_timeout=10")
        with pytest.raises(Locked):
            _edit(other, ("s.t", "", "x", 2))
        assert {} == other.record("draft", "s.t", "")


def test_a_snapshot_is_one_moment(store: Store, tmp_path: Path) -> None:
    """What others write meanwhile is seen afterwards; they need not wait."""
    _edit(store, ("a.b", "", "c", 1))
    with Store.open(tmp_path / "settings.db") as other, store.snapshot():
        assert {"c": 1} == store.record("draft", "a.b", "")
        _edit(other, ("a.b", "", "c", 2))
        assert {"c": 1} == store.record("draft", "a.b", "")
    assert {"c": 2} == store.record("draft", "a.b", "")
    with store.transaction(), store.snapshot():
        assert {"c": 2} == store.record("draft", "a.b", "")


def test_sections_are_those_of_the_tree(store: Store) -> None:
    """The draft's are running's and its own."""
    _edit(store, ("a.b", "", "c", 1))
    store.commit_draft(ROOT, 2.0)
    _edit(store, ("a.d", "", "c", 1))
    assert ({"a.b"}, {"a.b", "a.d"}) == (store.sections("running"), store.sections("draft"))


def test_two_may_make_the_store_at_once(tmp_path: Path) -> None:
    """Both find it made."""
    failures: list[Exception] = []

    def make() -> None:
        try:
            Store.open(tmp_path / "s.db", create=True).close()
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failures


def test_consents_are_remembered(store: Store) -> None:
    """And forgotten."""
    store.add_consents("mail", ["/etc/a", "/etc/b"], ROOT, 1.0)
    store.add_consents("mail", ["/etc/a"], ROOT, 2.0)
    store.add_consents("network", ["/etc/c"], ROOT, 1.0)
    assert {"/etc/a", "/etc/b"} == store.consents("mail")
    store.drop_consents("mail")
    assert (set(), {"/etc/c"}) == (store.consents("mail"), store.consents("network"))


def test_a_commit_scans_nothing_but_the_draft(store: Store) -> None:
    """Running is only reached by primary key."""
    names = ("number", "section", "key", "field", "old", "new", "who", "at", "origin")
    values = dict.fromkeys(names, 1)
    for statement in (DRAFT_CHANGES, *COMMIT):
        plan = store.run(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
        steps = " / ".join(row[3] for row in plan)
        assert "SCAN r" not in steps.replace("SCAN running", "SCAN r")
        assert statement is DRAFT_CHANGES or "SCAN draft" not in steps
        assert "USE TEMP B-TREE" not in steps


def test_secrets_are_masked_by_the_schema(house: House) -> None:
    """So is what nobody can judge; no repr shows a value."""
    house.editor.set_form("mail.options", {"password": "hunter2", "hostname": "a"}, ROOT)
    _edit(house.store, ("gone.form", "", "password", "hunter2"), ("core", "", "x", True))
    changes = house.store.draft_changes()
    assert "hunter2" not in repr(changes)
    shown = {c.where: (c.old, c.new) for c in (mask(house.schema, change) for change in changes)}
    assert {
        "core.x": (None, True),
        "gone.form.password": (None, "********"),
        "mail.options.hostname": (None, "a"),
        "mail.options.password": (None, "********"),
    } == shown
