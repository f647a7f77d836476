"""Tests of `mailstead.snippet`."""

from __future__ import annotations

import pytest

from mailstead.errors import PlanError
from mailstead.module import Template
from mailstead.snippet import Snippet

SNIPPET = Snippet("/etc/mailstead/snippets/odd/odd.conf", "one\n\n  two\n")


def test_lines_are_numbered_from_1() -> None:
    """As an editor shows them."""
    assert list(SNIPPET.lines()) == [(1, "one"), (2, ""), (3, "  two")]


@pytest.mark.parametrize(
    ("text", "comment", "expected"),
    [
        ("a\n", "#", "a\n\n# from /etc/mailstead/snippets/odd/odd.conf\none\n\n  two\n"),
        ("a", ";", "a\n\n; from /etc/mailstead/snippets/odd/odd.conf\none\n\n  two\n"),
        ("a\n", "", "a\none\n\n  two\n"),
        ("", "#", "\n# from /etc/mailstead/snippets/odd/odd.conf\none\n\n  two\n"),
    ],
)
def test_it_is_appended_below_a_line_that_says_where_it_is_from(
    text: str, comment: str, expected: str
) -> None:
    """In the file's own kind of comment, or without one."""
    assert SNIPPET.append_to(text, comment) == expected


def test_a_line_is_refused_with_its_file_and_number() -> None:
    """And what to do."""
    with pytest.raises(PlanError, match=r"^/etc/.*/odd\.conf:3: is odd \(make it even\)$"):
        SNIPPET.refuse(3, "is odd", "make it even")


@pytest.mark.parametrize("name", ["a/b", ".hidden", "copy~", "..", " ", "a\n"])
def test_a_name_that_is_no_file_name_cannot_be_declared(name: str) -> None:
    """It would never be found, or elsewhere."""
    with pytest.raises(ValueError, match="snippet"):
        Template("/etc/odd", "odd.j2", snippet=name)
