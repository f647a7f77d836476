"""Tests of the three-way merge: nothing is lost, nothing is invented, conflicts are said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.hand_edits.merge import MAX_LINES, Hunk, Merge, merge

# Few different lines, so that sides meet often; the last line may lack its end.
LINES = st.lists(st.sampled_from(["a", "b", "c", "", "# é", "x\r"]), max_size=12)
TEXTS = st.builds(
    lambda lines, end: ("\n".join(lines) + (end if lines else "")).encode(),
    LINES,
    st.sampled_from(["", "\n"]),
)
BASE = b"one\ntwo\nthree\nfour\nfive\nsix\n"


def merged(base: bytes, yours: bytes, ours: bytes) -> Merge:
    """Merge texts that can be merged."""
    found = merge(base, yours, ours)
    assert found is not None
    return found


def test_changes_in_different_places_are_both_taken() -> None:
    """A line added by one side, a line changed by the other."""
    yours = b"# mine\none\ntwo\nthree\nfour\nfive\nsix\n"
    ours = BASE.replace(b"five", b"5")
    found = merged(BASE, yours, ours)
    assert found.content() == b"# mine\none\ntwo\nthree\nfour\n5\nsix\n"
    assert found.hunks == (
        Hunk("yours", (0, 0), (0, 1), (0, 0)),
        Hunk("ours", (4, 5), (5, 6), (4, 5)),
    )


def test_the_same_change_by_both_is_no_conflict() -> None:
    """It is taken once."""
    both = BASE.replace(b"two", b"2")
    found = merged(BASE, both, both)
    assert found.content() == both
    assert [hunk.kind for hunk in found.hunks] == ["both"]


def test_different_changes_of_a_line_are_a_conflict_that_a_side_decides() -> None:
    """What does not conflict is merged whichever side is taken."""
    yours = BASE.replace(b"two", b"zwei").replace(b"six", b"sechs")
    ours = BASE.replace(b"two", b"deux").replace(b"four", b"quatre")
    found = merged(BASE, yours, ours)
    assert found.content() is None
    assert found.conflicts == (Hunk("conflict", (1, 2), (1, 2), (1, 2)),)
    assert found.content("yours") == b"one\nzwei\nthree\nquatre\nfive\nsechs\n"
    assert found.content("ours") == b"one\ndeux\nthree\nquatre\nfive\nsechs\n"


def test_changes_of_lines_next_to_each_other_are_a_conflict() -> None:
    """Nobody can tell that they do not belong together."""
    found = merged(BASE, BASE.replace(b"two", b"zwei"), BASE.replace(b"three", b"trois"))
    assert found.conflicts == (Hunk("conflict", (1, 3), (1, 3), (1, 3)),)


def test_a_line_removed_by_one_side_and_changed_by_the_other_is_a_conflict() -> None:
    """Neither wins by itself."""
    found = merged(BASE, BASE.replace(b"two\n", b""), BASE.replace(b"two", b"2"))
    assert len(found.conflicts) == 1
    assert found.content("yours") == BASE.replace(b"two\n", b"")


def test_conflicts_are_marked_with_all_three_versions() -> None:
    """So that a person can finish the file by hand; what is clean is merged around them."""
    yours = BASE.replace(b"two", b"zwei").replace(b"six", b"sechs")
    assert merged(BASE, yours, BASE.replace(b"two", b"deux")).marked() == (
        b"one\n<<<<<<< yours\nzwei\n||||||| base\ntwo\n=======\ndeux\n>>>>>>> ours\n"
        b"three\nfour\nfive\nsechs\n"
    )


def test_a_last_line_without_end_is_not_glued_to_the_next() -> None:
    """One side wrote it, the other added lines after it."""
    found = merged(b"a\nb\nc\n", b"a\nb\nc\nx", b"0\na\nb\nc\n")
    assert found.content() == b"0\na\nb\nc\nx"
    assert merged(b"a\nb\nc", b"z\nb\nc", b"a\nb\nc\nd\n").content() == b"z\nb\nc\nd\n"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b\n", b"x\n" * (MAX_LINES + 1)])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_no_text_or_too_long_is_not_merged(content: bytes, place: int) -> None:
    """Whichever of the three it is."""
    texts = [b"a\n", b"b\n", b"c\n"]
    texts[place] = content
    assert merge(*texts) is None


@given(TEXTS, TEXTS)
def test_a_side_that_changed_nothing_leaves_the_other_as_it_is(base: bytes, side: bytes) -> None:
    """Byte for byte, and without a conflict."""
    assert merged(base, base, side).content() == side
    assert merged(base, side, base).content() == side
    assert merged(base, side, side).content() == side


@given(TEXTS, TEXTS, TEXTS)
def test_hunks_cover_all_that_differs(base: bytes, yours: bytes, ours: bytes) -> None:
    """Between hunks all three are the same; within one, each side has what it says."""
    found = merged(base, yours, ours)
    spots = [(0, 0, 0)]
    for hunk in (*found.hunks, None):
        at, at_yours, at_ours = spots[-1]
        end = hunk.base[0] if hunk else len(found.base)
        same = found.base[at:end]
        assert found.yours[at_yours : at_yours + len(same)] == same
        assert found.ours[at_ours : at_ours + len(same)] == same
        if hunk:
            assert (hunk.yours[0], hunk.ours[0]) == (at_yours + len(same), at_ours + len(same))
            spots.append((hunk.base[1], hunk.yours[1], hunk.ours[1]))
        else:
            assert len(found.yours) == at_yours + len(same)
            assert len(found.ours) == at_ours + len(same)


@given(TEXTS, TEXTS, TEXTS)
def test_sides_exchanged_give_the_same_merge(base: bytes, yours: bytes, ours: bytes) -> None:
    """Neither side is preferred."""
    one, other = merged(base, yours, ours), merged(base, ours, yours)
    assert one.content("yours") == other.content("ours")
    assert len(one.conflicts) == len(other.conflicts)
    assert one.content() == other.content()


@given(TEXTS, TEXTS, TEXTS)
def test_every_changed_line_of_a_side_is_in_the_merge(
    base: bytes, yours: bytes, ours: bytes
) -> None:
    """No line that a side added is lost, whatever the other did."""
    found = merged(base, yours, ours)
    marked = found.marked().decode().split("\n")
    for hunk in found.hunks:
        for line in (*found.lines_of(hunk, "yours"), *found.lines_of(hunk, "ours")):
            if hunk.kind in ("both", "conflict") or line not in found.base:
                assert line.removesuffix("\n") in marked


@given(TEXTS, TEXTS)
def test_merging_again_changes_nothing(base: bytes, yours: bytes) -> None:
    """With the merge as yours and what was merged in as the new base."""
    ours = base + b"end\n" if base.endswith(b"\n") or not base else base + b"\nend\n"
    first = merged(base, yours, ours).content("yours")
    assert first is not None
    assert merged(ours, first, ours).content() == first
