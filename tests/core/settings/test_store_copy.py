"""Copies of the store: whole, without secrets when asked, and looked at when they come back."""

from __future__ import annotations

import pathlib
import sqlite3
from contextlib import closing

import pytest

from mailstead.errors import MachineError
from mailstead.settings.cells import Actor, Cell
from mailstead.settings.store import Store
from mailstead.settings.store_copy import forget_secrets, refuse_damaged

ACTOR = Actor("ada", "test")


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Store:
    """Give a store with history, a draft and a consent."""
    made = Store.open(tmp_path / "state.db", create=True)
    for token in ("sesame-1", "sesame-2"):
        made.edit([Cell("a.form", "", "token", token), Cell("a.form", "", "name", "x")], ACTOR, 1.0)
        made.commit_draft(ACTOR, 2.0)
    made.edit([Cell("a.form", "", "token", "sesame-3")], ACTOR, 3.0)
    made.add_consents("a", ["/etc/a"], ACTOR, 4.0)
    return made


def copied(store: Store, tmp_path: pathlib.Path) -> pathlib.Path:
    """Copy a store."""
    path = tmp_path / "copy.db"
    path.touch(mode=0o600)
    store.copy_to(path)
    return path


def test_a_copy_is_the_store(store: Store, tmp_path: pathlib.Path) -> None:
    """Running, draft, history and consents; one file, with the rights it was given."""
    path = copied(store, tmp_path)
    refuse_damaged(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with store, Store.open(path) as copy:
        assert list(copy.cells()) == list(store.cells())
        assert copy.draft_changes() == store.draft_changes()
        assert copy.revisions() == store.revisions()
        assert copy.changes_of(2) == store.changes_of(2)
        assert copy.all_consents() == store.all_consents() == (("a", "/etc/a", "ada", 4.0),)
        assert (copy.revision(), copy.has_draft()) == (2, True)


def test_cells_come_in_order(store: Store) -> None:
    """Of running alone."""
    with store:
        assert list(store.cells()) == [
            Cell("a.form", "", "name", "x"), Cell("a.form", "", "token", "sesame-2"),
        ]  # fmt: skip


def test_secrets_are_forgotten_everywhere(store: Store, tmp_path: pathlib.Path) -> None:
    """In running, draft, history and free pages; the place is told, the rest stays."""
    with store:
        path = copied(store, tmp_path)
    assert b"sesame" in path.read_bytes()
    left_out = forget_secrets(path, lambda section, field: (section, field) == ("a.form", "token"))
    assert left_out == (("a.form", "", "token"),)
    assert b"sesame" not in path.read_bytes()
    with Store.open(path) as copy:
        assert list(copy.cells()) == [Cell("a.form", "", "name", "x")]
        assert not copy.has_draft()
        assert [(c.field, c.old, c.new) for c in copy.changes_of(1)] == [
            ("name", None, "x"), ("token", None, None),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE VIEW v AS SELECT 1", "'v', no table"),
        ("CREATE TRIGGER t AFTER DELETE ON running BEGIN SELECT 1; END", "'t', no table"),
        ("CREATE VIRTUAL TABLE f USING fts5(x)", "'f', no table"),
    ],
)
def test_what_is_more_than_tables_is_refused(
    store: Store, tmp_path: pathlib.Path, sql: str, words: str
) -> None:
    """It could act when the copy is read."""
    with store:
        path = copied(store, tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
        connection.commit()
    with pytest.raises(MachineError, match=words):
        refuse_damaged(path)


def test_a_damaged_copy_is_refused(store: Store, tmp_path: pathlib.Path) -> None:
    """Cut, overwritten, or no database at all."""
    with store:
        whole = copied(store, tmp_path).read_bytes()
    path = tmp_path / "damaged.db"
    for content in (b"", whole[:5000], whole[:4096] + b"x" * (len(whole) - 4096), b"noise" * 999):
        path.write_bytes(content)
        if content:
            with pytest.raises(MachineError, match="settings"):
                refuse_damaged(path)
