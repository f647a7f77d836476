"""A store with cells laid over it reads as a store in which they were written."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailstead.settings.cells import Cell, Json
from mailstead.settings.overlay import Overlay, Place
from mailstead.settings.store import Store
from mailstead.settings.view import Settings

from .samples import ROOT, House, Member, Options

KEYS = ["", "k", "k/1", "k-", "kk", "é"]
PLACES = st.tuples(st.sampled_from(["s.a", "s.b"]), st.sampled_from(KEYS), st.sampled_from("xy"))
CELLS = st.dictionaries(PLACES, st.none() | st.integers(0, 2) | st.just(""), max_size=8)


def write(store: Store, cells: Mapping[Place, Json]) -> None:
    """Put cells in the draft."""
    store.edit([Cell(*place, value) for place, value in cells.items()], ROOT, 1.0)


@settings(max_examples=60, deadline=None)
@given(running=CELLS, draft=CELLS, over=CELLS, emptied=st.sets(st.sampled_from(["s.a"])))
def test_it_reads_as_if_the_cells_were_written(
    running: Mapping[Place, Json],
    draft: Mapping[Place, Json],
    over: Mapping[Place, Json],
    emptied: set[str],
) -> None:
    """Records, ranges and counts of both trees; also of sections that are emptied first."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(Path(folder) / "s.db", create=True) as store,
    ):
        write(store, running)
        store.commit_draft(ROOT, 2.0)
        write(store, draft)
        overlay = Overlay(store, over, emptied)
        expected = _model(running, draft, over, emptied)
        for section in ("s.a", "s.b"):
            records = expected[section]
            assert list(records.items()) == list(overlay.records("draft", section))
            assert len(records) == overlay.count("draft", section)
            for field in {name for record in records.values() for name in record} | {"none"}:
                setting = [key for key, record in records.items() if field in record]
                assert setting == sorted(overlay.keys("draft", section, field))
            below = {k: v for k, v in records.items() if k == "k" or k.startswith("k/")}
            assert list(below.items()) == list(overlay.records("draft", section, "k"))
            for key in KEYS:
                assert records.get(key, {}) == overlay.record("draft", section, key)


def _model(
    running: Mapping[Place, Json],
    draft: Mapping[Place, Json],
    over: Mapping[Place, Json],
    emptied: set[str],
) -> dict[str, dict[str, dict[str, Json]]]:
    below = {place: v for place, v in {**running, **draft}.items() if place[0] not in emptied}
    found: dict[str, dict[str, dict[str, Json]]] = {"s.a": {}, "s.b": {}}
    for (section, key, field), value in sorted({**below, **over}.items(), key=lambda i: i[0]):
        if value is not None:
            found[section].setdefault(key, {})[field] = value
    return found


def test_a_view_over_it_sees_forms_rows_counts_and_existence(house: House) -> None:
    """Through the same functions as modules call, and the store is as it was."""
    house.add("network.object", name="office")
    over: dict[Place, Json] = {
        ("mail.options", "", "hostname"): "b.example",
        ("network.object", "office", "name"): None,
        ("network.member", "home/pc", "object"): "home",
        ("network.member", "home/pc", "name"): "pc",
        ("network.member", "home/pc", "address"): "192.0.2.1",
    }
    view = Settings(Overlay(house.store, over), house.schema, "draft")
    assert "b.example" == view.form(Options).hostname
    assert not view.exists("network.object", "office")
    assert view.row(Member, "home", "pc") in list(view.rows(Member, "home"))
    assert 1 == view.count(Member)
    assert Options() == house.draft.form(Options)
    assert house.draft.exists("network.object", "office")


def test_rows_stream(house: House) -> None:
    """The first ones are there while reading all is forbidden."""
    with house.store.transaction():
        cells = [Cell("network.object", f"o{n:05}", "name", f"o{n:05}") for n in range(500)]
        house.store.edit(cells, ROOT, 1.0)
    overlay = Overlay(house.store, {("network.object", "o00000x", "name"): "o00000x"})
    house.store._connection.set_progress_handler(lambda: 1, 1000)  # steps of SQLite
    try:
        found = [key for key, _ in islice(overlay.records("draft", "network.object"), 3)]
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            list(overlay.records("draft", "network.object"))
    finally:
        house.store._connection.set_progress_handler(None, 0)
    assert ["o00000", "o00000x", "o00001"] == found
