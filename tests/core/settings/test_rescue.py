"""A damaged store: what can be read is saved, and the damaged file is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.errors import StoreDamaged
from mailstead.settings.cells import Actor, Cell
from mailstead.settings.rescue import rescue
from mailstead.settings.store import Store

ROOT = Actor("root", "test")
PAGE = 4096


def filled(path: Path, rows: int) -> Path:
    """Make a store with so many cells in running."""
    with Store.open(path, create=True) as store:
        cells = [Cell("mail.domains", f"d{n:05}", "name", f"d{n:05}.example") for n in range(rows)]
        store.edit(cells, ROOT, 1.0)
        store.commit_draft(ROOT, 2.0)
        store.run("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def pages_of(path: Path, table: str) -> list[int]:
    """Give the numbers of a table's leaf pages, from 0."""
    with Store.open(path) as store:
        select = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno"
        try:
            return [row[0] - 1 for row in store.run(select, (table,))]
        except Exception:  # noqa: BLE001 - this SQLite has no dbstat: look at the content
            content = path.read_bytes()
            return [n for n in range(len(content) // PAGE)
                    if b"d00500.example" in content[n * PAGE : (n + 1) * PAGE]]  # fmt: skip


def spoil(path: Path, page: int) -> None:
    """Overwrite a page."""
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(b"\xff" * PAGE)


def test_a_page_in_the_middle_loses_only_its_own_rows(tmp_path: Path) -> None:
    """What is before and behind it is there; the damaged file lies beside it."""
    path = filled(tmp_path / "s.db", 1000)
    pages = pages_of(path, "running")
    spoil(path, pages[len(pages) // 2])
    found = rescue(path)
    assert "running" in found.incomplete
    assert 800 < found.rows["running"] < 1000
    assert Path(found.aside).exists()
    with Store.open(path) as store:
        assert store.revision() == 1
        keys = [key for key, _ in store.records("running", "mail.domains")]
        assert (keys[0], keys[-1]) == ("d00000", "d00999")
        store.edit([Cell("a.b", "", "c", 1)], ROOT, 3.0)
        assert store.commit_draft(ROOT, 4.0) == 2


def test_a_whole_store_is_copied_whole(tmp_path: Path) -> None:
    """Nothing is missing."""
    path = filled(tmp_path / "s.db", 10)
    found = rescue(path)
    assert found.incomplete == ()
    assert found.rows["running"] == 10


def test_a_second_damage_overwrites_nothing(tmp_path: Path) -> None:
    """Each damaged file has a name of its own."""
    path = filled(tmp_path / "s.db", 10)
    assert rescue(path).aside != rescue(path).aside


def test_what_is_no_database_is_left_alone(tmp_path: Path) -> None:
    """There is nothing to save; a backup is what helps."""
    path = filled(tmp_path / "s.db", 10)
    path.write_bytes(b"x" * 9000)
    with pytest.raises(StoreDamaged):
        rescue(path)
    assert path.read_bytes() == b"x" * 9000
    assert [item.name for item in tmp_path.iterdir() if "rescued" in item.name] == []
