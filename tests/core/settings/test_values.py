"""Switches, numbers, text, choices, sizes, durations, paths, references."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.settings.values import (
    AbsolutePath,
    Choice,
    Identifier,
    Integer,
    Line,
    Reference,
    Switch,
    duration,
    size,
)

GRAMMARS = (
    Switch(), Integer(), Integer(1, 9), Line(), Identifier(), Choice(("a", "b")), size(),
    duration(), AbsolutePath(), Reference("a.b"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("grammar", "raw", "expected"),
    [
        (Switch(), True, True),
        (Switch(), "Yes", True),
        (Switch(), "off", False),
        (Integer(), "-12", -12),
        (Integer(1, 9), 9, 9),
        (Integer(1, 9), "0" * 30 + "9", 9),
        (Line(), "a b", "a b"),
        (Line(), "", ""),
        (Line(), "e\u0301", "\u00e9"),
        (Line(3, "[a-c]+"), "abc", "abc"),
        (Identifier(), "Office-1", "office-1"),
        (Choice(("a", "b")), "a", "a"),
        (size(), "512K", 512 * 1024),
        (size(), "10m", 10 * 2**20),
        (size(), "1G", 2**30),
        (size(), 7, 7),
        (duration(), "90", 90),
        (duration(), "5m", 300),
        (duration(), "3d", 259200),
        (AbsolutePath(), "/srv//mail/./x/", "/srv/mail/x"),
        (AbsolutePath(), "/", "/"),
        (Reference("a.b"), "x/y", "x/y"),
    ],
)
def test_a_value_is_read(grammar: Any, raw: object, expected: object) -> None:
    """Command-line words and native values give the same."""
    assert expected == grammar.parse(raw)
    assert type(expected) is type(grammar.parse(raw))


@pytest.mark.parametrize(
    ("grammar", "raw"),
    [
        *[(Switch(), raw) for raw in (1, 0, "1", "", "y", None, "true ", ())],
        *[(Integer(), raw) for raw in (True, "", "+1", "1 ", "1_0", "٣", "1.0", 1.0, "0x1", None)],
        (Integer(), "1\n"),
        *[(Line(), raw) for raw in ("a\nb", "a\r", "\0", "\x7f", "\x85", "\u2028", "\ud800")],
        *[(Line(), raw) for raw in ("x" * 256, 1, None, "\u202ecod.exe", "\x1b[2J")],
        (Line(3), "\u0958" * 3),
        (Line(3, "[a-c]+"), "abd"),
        (Line(9, "[a-c]+"), "abc\n"),
        *[
            (Identifier(), raw)
            for raw in ("", "-a", ".a", "a/b", "a b", "a\n", "x" * 65, "ä", "\u212a")
        ],
        *[(Choice(("a", "b")), raw) for raw in ("", "A", "c", 1, None)],
        *[
            (size(), raw)
            for raw in ("", "10X", "1.5G", "10 M", "10MB", True, "1e309", "-", "-M", None)
        ],
        *[(duration(), raw) for raw in ("", "5M", "1w", "m", "5m3s", None)],
        *[
            (AbsolutePath(), raw)
            for raw in ("", "a", "./a", "/a/../b", "/..", "/a\n", "/a\0b", "~/a")
        ],
        *[(Reference("a.b"), raw) for raw in ("", "a\n", None, 1)],
    ],
)
def test_a_value_outside_its_grammar_is_refused(grammar: Any, raw: object) -> None:
    """The message is one printable line of bearable length."""
    with pytest.raises(ValueError, match=r"is not (an? |accepted: expected)") as caught:
        grammar.parse(raw)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("grammar", "raw", "words"),
    [
        *[(Integer(1, 9), raw, "small: it must be from 1 to 9") for raw in (0, "-1", "-00002")],
        *[(Integer(1, 9), raw, "large: it must be from 1 to 9") for raw in (10, "0010")],
        *[(Integer(), raw, "large: it must be from -922") for raw in ("9" * 5000, 2**63)],
        (Integer(), "-" + "9" * 30, "small: it must be from -922"),
        *[(size(), raw, "large: it must be at most 922") for raw in ("9" * 19 + "T", str(2**63))],
        *[(size(), raw, "large: it must be at most 922") for raw in ("9" * 5000, "8388608T")],
        *[(size(), raw, "small: it must be at least 0") for raw in ("-1", -1, "-2G")],
        (duration(), "-1s", "small: it must be at least 0"),
    ],
)
def test_a_number_outside_its_bounds_is_told_from_what_is_none(
    grammar: Any, raw: object, words: str
) -> None:
    """It is too small or too large, and the message says from where."""
    with pytest.raises(ValueError, match=f"is too {words}") as caught:
        grammar.parse(raw)
    assert len(str(caught.value)) < 250


def test_what_a_pattern_refuses_is_not_said_to_be_no_line() -> None:
    """It is one; the words say what is missing."""
    with pytest.raises(ValueError, match=r"^'INBOX' is not accepted: expected a folder but INBOX$"):
        Line(9, "(?!INBOX).*", "a folder but INBOX").parse("INBOX")


RAW = (
    st.text(max_size=20)
    | st.integers()
    | st.booleans()
    | st.none()
    | st.from_regex(r"[0-9]{1,3}[a-z]?")
)


@pytest.mark.parametrize("grammar", GRAMMARS, ids=lambda grammar: grammar.name)
@given(raw=RAW)
def test_what_is_accepted_is_a_fixed_point(grammar: Any, raw: object) -> None:
    """``parse(dump(parse(x)))`` is ``parse(x)``."""
    try:
        value = grammar.parse(raw)
    except ValueError:
        return
    assert value == grammar.parse(grammar.dump(value))


@given(st.text(max_size=260))
def test_a_line_never_holds_what_cannot_be_seen(raw: str) -> None:
    """No control, separator or surrogate passes."""
    try:
        value = Line().parse(raw)
    except ValueError:
        return
    assert not {unicodedata.category(char) for char in value} & {"Cc", "Cs", "Zl", "Zp"}
    assert len(value) <= 255
