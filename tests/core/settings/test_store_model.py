"""The store against two dictionaries, under random edits, discards, commits and trials."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mailstead.settings.cells import Cell
from mailstead.settings.store import Store

from .samples import ROOT

Place = tuple[str, str, str]
PLACES = st.tuples(
    st.sampled_from(["s.a", "s.b"]),
    st.sampled_from(["", "k", "k/1", "k-", "é"]),
    st.sampled_from("xy"),
)
VALUES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "t", "0"])


class StoreMachine(RuleBasedStateMachine):
    """Whatever is done, draft, running, changes and history are what a plain model says."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "s.db"
        self.store = Store.open(self.path, create=True)
        self.running: dict[Place, object] = {}
        self.draft: dict[Place, object] = {}
        self.commits = 0

    def teardown(self) -> None:
        """Close the store."""
        self.store.close()
        self.folder.cleanup()

    @rule(cells=st.lists(st.tuples(PLACES, VALUES), max_size=5))
    def edit(self, cells: list[tuple[Place, object]]) -> None:
        """Set and unset cells."""
        self.store.edit([Cell(*place, value) for place, value in cells], ROOT, 1.0)
        for place, value in cells:
            self.draft.pop(place, None)
            if value is not None:
                self.draft[place] = value

    @rule(cells=st.lists(st.tuples(PLACES, VALUES), max_size=5))
    def try_out(self, cells: list[tuple[Place, object]]) -> None:
        """Set cells and commit them in a trial."""
        with self.store.trial():
            self.store.edit([Cell(*place, value) for place, value in cells], ROOT, 1.0)
            self.store.commit_draft(ROOT, 1.0)

    @rule()
    def commit(self) -> None:
        """Save, and read the history back."""
        before, after = self.running, dict(self.draft)
        self.commits += 1
        assert self.commits == self.store.commit_draft(ROOT, 2.0)
        undone = dict(after)
        for change in self.store.changes_of(self.commits):
            place = (change.section, change.key, change.field)
            assert (change.old, change.new) == (before.get(place), after.get(place))
            undone.pop(place, None)
            if change.old is not None:
                undone[place] = change.old
        assert before == undone
        self.running = after

    @rule(section=st.sampled_from([None, "s.a", "s.b"]))
    def discard(self, section: str | None) -> None:
        """Drop all of the draft or one section's."""
        self.store.discard(None if section is None else [section])
        kept = {p: v for p, v in self.draft.items() if section not in (None, p[0])}
        back = {p: v for p, v in self.running.items() if section in (None, p[0])}
        self.draft = kept | back

    @rule()
    def reopen(self) -> None:
        """Close and open again."""
        self.store.close()
        self.store = Store.open(self.path)

    @invariant()
    def trees_are_the_models(self) -> None:
        """Records, counts, single records and the list of changes agree."""
        self._compare("running", self.running)
        self._compare("draft", self.draft)
        places = sorted(self.running.keys() | self.draft.keys())
        pairs = [(p, self.running.get(p), self.draft.get(p)) for p in places]
        expected = [pair for pair in pairs if not _same(pair[1], pair[2])]
        changes = self.store.draft_changes()
        assert expected == [((c.section, c.key, c.field), c.old, c.new) for c in changes]
        assert bool(expected) == self.store.has_draft()

    def _compare(self, tree: Literal["running", "draft"], model: dict[Place, object]) -> None:
        for section in ("s.a", "s.b"):
            expected: dict[str, dict[str, object]] = {}
            for (_, key, field), value in sorted(model.items(), key=lambda item: item[0]):
                if _ == section:
                    expected.setdefault(key, {})[field] = value
            found = list(self.store.records(tree, section))
            assert list(expected.items()) == found
            assert len(expected) == self.store.count(tree, section)
            for field in {name for record in expected.values() for name in record} | {"none"}:
                setting = [key for key, record in expected.items() if field in record]
                assert setting == sorted(self.store.keys(tree, section, field))
            within = [item for item in found if item[0] == "k" or item[0].startswith("k/")]
            assert within == list(self.store.records(tree, section, "k"))
            assert all(record == self.store.record(tree, section, key) for key, record in found)


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


StoreMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestStore = StoreMachine.TestCase
