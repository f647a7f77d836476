"""The grammar of queue ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.plugin import InvalidValue
from mailstead_mail_smtp.queue.ids import check_ids, is_id


@pytest.mark.parametrize("word", ["4jZ9Hg56wZzJLgn", "3Pt2mN2VXxznjll", "5C9F31A0B2", "ABCDEF"])
def test_ids_of_postfix_are_ids(word: str) -> None:
    """Long and short ones."""
    assert is_id(word)


@pytest.mark.parametrize(
    "word",
    ["ALL", "all", "-", "-d", "", "ABCDEF\n", "../x", "4jZ9Hg56wZzJLgn deferred", "4jA9Hg56wZzJLgn",
     "*", "5c9f31a0b2", "A" * 200],
)  # fmt: skip
def test_other_words_are_refused(word: str) -> None:
    """Options, ALL, paths, and lines above all."""
    with pytest.raises(InvalidValue, match="queue\\.id"):
        check_ids(("5C9F31A0B2", word))


@given(st.text())
def test_no_id_can_be_an_option_a_path_or_a_line(word: str) -> None:
    """Letters and digits alone."""
    assert not is_id(word) or (word.isascii() and word.isalnum() and word != "ALL")


def test_each_id_is_taken_once() -> None:
    """In the order given."""
    assert check_ids(("5C9F31A0B2", "ABCDEF", "5C9F31A0B2")) == ("5C9F31A0B2", "ABCDEF")
