"""Lines of files and how two files differ."""

from __future__ import annotations

import difflib

from hypothesis import given
from hypothesis import strategies as st

from mailstead.transaction.lines import added, blocks, lines_of, removed, same

FILES = st.lists(st.sampled_from(["a\n", "b\n", "}\n", "x = 1\n"]), max_size=12)


def test_only_a_line_feed_ends_a_line() -> None:
    """As editors count; a missing last one is added."""
    assert () == lines_of(b"")
    assert ("\n",) == lines_of(b"\n")
    assert ("a\n", "\n", "b\x0c\r\n", "c\\xff\n") == lines_of(b"a\n\nb\x0c\r\nc\xff")


@given(old=FILES, new=FILES)
def test_the_changed_lines_are_those_of_the_unified_diff(old: list[str], new: list[str]) -> None:
    """In its order."""
    diff = [line for line in list(difflib.unified_diff(old, new))[2:] if line[0] in "+-"]
    found = []
    for block in blocks(old, new):
        found += [f"-{old[number]}" for number in block.old]
        found += [f"+{new[number]}" for number in block.new]
    assert diff == found


@given(old=FILES, new=FILES)
def test_each_line_is_the_same_or_changed(old: list[str], new: list[str]) -> None:
    """Never both, and what is the same reads the same."""
    pairs = same(old, new)
    assert all(old[one] == new[other] for one, other in pairs.items())
    assert set(range(len(old))) - set(pairs) == removed(old, new)
    assert set(range(len(new))) - set(pairs.values()) == added(old, new)
