"""Tests of `mailstead.transaction.added`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.snippet import Snippet
from mailstead.transaction.added import Added, explain, find_added

SOURCE = "/etc/mailstead/snippets/mail_smtp/main.cf"
MAIN = "/srv/box/etc/postfix/main.cf"
TEXT = "biff = no\nmax_idle = 10s\n"
WHOLE = f"a = 1\nb = 2\n{TEXT}"
ITEM = find_added(SOURCE, TEXT, WHOLE)
TEMPLATE = Added("/etc/mailstead/templates/mail_smtp/main.cf.j2")


def said(words: str, *items: Added) -> tuple[str, ...]:
    """Explain a checker's words about main.cf."""
    return explain(words, {MAIN: items or (ITEM,)})


def test_the_lines_of_a_snippet_are_found_in_the_file() -> None:
    """Where they stand."""
    assert (ITEM.first, ITEM.last) == (3, 4)
    assert find_added(SOURCE, "x\n", "y\n").first == 0


@given(st.text("ab#= \n"), st.lists(st.text("ab#= "), min_size=1))
def test_any_appended_snippet_is_found(text: str, lines: list[str]) -> None:
    """Its last line is the file's."""
    snippet = Snippet(SOURCE, "".join(f"{line}\n" for line in lines))
    whole = snippet.append_to(text)
    item = find_added(SOURCE, snippet.text, whole)
    assert whole.split("\n")[item.first - 1 : item.last] == lines
    assert item.last == whole.count("\n")


@pytest.mark.parametrize(
    "words",
    [
        f"postconf: fatal: {MAIN}, line 4: missing '='",
        f"postconf: fatal: file {MAIN}: line 4: bad field count",
        f"doveconf: Fatal: Error in configuration file {MAIN} line 4: Unknown setting",
        f"doveconf: Fatal: Missing '}}' (section started at {MAIN}:4)",
    ],
)
def test_a_line_of_the_file_is_one_of_the_snippet(words: str) -> None:
    """In each daemon's way to name it."""
    assert said(words) == (f"line 4 of {MAIN} is {SOURCE}:2",)


def test_a_line_that_is_ours_is_not_explained() -> None:
    """It is no business of the snippet's."""
    assert said(f"postconf: fatal: {MAIN}, line 2: missing '='") == ()


def test_without_a_line_the_name_that_is_said_is_looked_for() -> None:
    """Postfix names a parameter that nothing uses. The line's text may be a secret."""
    words = f"postconf: warning: {MAIN}: unused parameter: max_idle=10s"
    assert said(words) == (f"see {SOURCE}:2",)
    item = find_added(SOURCE, "x unix - - - - - x\n  -o max_idle=10s\n", "")
    assert said(words, item) == (f"see {SOURCE}:2",)


def test_without_a_line_what_is_quoted_is_looked_for() -> None:
    """Postfix quotes a service or the end of a value."""
    item = find_added(SOURCE, "a = b\nmax = ${x\nq = 1\n", "")
    words = 'warning: truncated macro reference: "${x"\nfatal: macro processing error'
    assert said(words, item) == (f"see {SOURCE}:2",)
    assert said('invalid field "q"', item) == ()


def test_without_line_and_name_the_place_of_all_is_told() -> None:
    """Where the file is named at all."""
    assert said(f"{MAIN}: no") == (f"lines 3-4 of {MAIN} come from {SOURCE}",)
    assert said("macro processing error") == ()


def test_a_file_made_by_an_own_template_is_said_to_be() -> None:
    """Which line of it, nobody knows."""
    found = said(f"{MAIN}, line 2: no", TEMPLATE)
    assert found == (f"{MAIN} is made by your template {TEMPLATE.source}",)


def test_another_file_of_a_longer_name_is_another() -> None:
    """main.cf is not main.cf.d."""
    assert said(f"postconf: fatal: {MAIN}.d, line 4: x") == ()
    assert said(f"postconf: fatal: {MAIN}.d, line 4: x", TEMPLATE) == ()
