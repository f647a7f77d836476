"""What is no rule and no vacation is refused by its field's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mailstead.errors import InvalidValue
from mailstead_sieve.rules.model import Action, Condition, Rule, Vacation

KEEP = (Action("keep"),)
INJECTED = 'x"; redirect "far@elsewhere.example"; #'
REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: Condition("sub ject", "is", "x"), "rule.field"),
    (lambda: Condition('x"]', "is", "x"), "rule.field"),
    (lambda: Condition("subject", "resembles", "x"), "rule.operator"),
    (lambda: Condition("subject", "over", "10M"), "rule.operator"),
    (lambda: Condition("size", "is", "10M"), "rule.operator"),
    (lambda: Condition("size", "over", "large"), "rule.value"),
    (lambda: Condition("size", "over", "8G"), "rule.value"),
    (lambda: Condition("subject", "is", ""), "rule.value"),
    (lambda: Condition("subject", "is", "a\nb"), "rule.value"),
    (lambda: Condition("subject", "is", "a\0b"), "rule.value"),
    (lambda: Condition("subject", "is", "x" * 501), "rule.value"),
    (lambda: Action("execute", "x"), "rule.action"),
    (lambda: Action("keep", "x"), "rule.keep"),
    (lambda: Action("file", ""), "rule.file"),
    (lambda: Action("file", "../x"), "rule.file"),
    (lambda: Action("file", INJECTED), "rule.file"),
    (lambda: Action("file", "Fol ü.x y"), "rule.file"),
    (lambda: Action("file", "a/.b"), "rule.file"),
    (lambda: Action("file", "/a"), "rule.file"),
    (lambda: Action("file", "~a"), "rule.file"),
    (lambda: Action("file", "漢" * 95), "rule.file"),
    (lambda: Action("file", "a\nb"), "rule.file"),
    (lambda: Action("forward", "nobody"), "rule.forward"),
    (lambda: Action("forward", INJECTED), "rule.forward"),
    (lambda: Action("forward", "a@b.example\nc@d.example"), "rule.forward"),
    (lambda: Action("reject", ""), "rule.reject"),
    (lambda: Action("reject", "a\x1bb"), "rule.reject"),
    (lambda: Action("reject", "\ud800"), "rule.reject"),
    (lambda: Rule("", (), KEEP), "rule.name"),
    (lambda: Rule("a\nb", (), KEEP), "rule.name"),
    (lambda: Rule(" x", (), KEEP), "rule.name"),
    (lambda: Rule("x" * 101, (), KEEP), "rule.name"),
    (lambda: Rule("x", (), ()), "rule.action"),
    (lambda: Rule("x", (), (*KEEP, *KEEP)), "rule.action"),
    (lambda: Rule("x", (), (Action("stop"), *KEEP)), "rule.stop"),
    (lambda: Rule("x", (), (Action("reject", "no"), *KEEP)), "rule.reject"),
    (lambda: Rule("x", (), (Action("discard"), Action("file", "y"))), "rule.discard"),
    (lambda: Rule("x", (Condition("to", "is", "y"),) * 51, KEEP), "rule"),
    (lambda: Vacation(""), "vacation.text"),
    (lambda: Vacation(" \n"), "vacation.text"),
    (lambda: Vacation("a\0b"), "vacation.text"),
    (lambda: Vacation("x" * 20_001), "vacation.text"),
    (lambda: Vacation("x", subject="a\nBcc: b@c.example"), "vacation.subject"),
    (lambda: Vacation("x", days=0), "vacation.days"),
    (lambda: Vacation("x", days=366), "vacation.days"),
    (lambda: Vacation("x", start="tomorrow"), "vacation.from"),
    (lambda: Vacation("x", start='2026-01-01"'), "vacation.from"),
    (lambda: Vacation("x", end="2026-02-30"), "vacation.until"),
    (lambda: Vacation("x", start="2026-02-02", end="2026-02-01"), "vacation.until"),
    (lambda: Vacation("x", addresses=("nobody",)), "vacation.address"),
]


@pytest.mark.parametrize(("made", "field"), REFUSED)
def test_a_wrong_value_is_refused_by_its_fields_name(made: Callable[[], Any], field: str) -> None:
    """With what is wrong."""
    with pytest.raises(InvalidValue) as refused:
        made()
    assert refused.value.where == field


def test_values_have_one_form() -> None:
    """Names of headers and addresses in small letters, sizes in bytes, line ends as in files."""
    assert Condition("SUBJECT", "is", "X") == Condition("subject", "is", "X")
    assert Condition("size", "over", "2K").value == "2048"
    assert Action("forward", "Ada@Example.org").value == "ada@example.org"
    assert Vacation("a\r\nb").text == "a\nb"


def test_what_throws_mail_away_or_gives_it_back_stops() -> None:
    """No later rule files what was rejected."""
    assert Rule("x", (), (Action("discard"),)).actions[-1] == Action("stop")
    assert Rule("x", (), (Action("reject", "no"), Action("stop"))).actions[-1] == Action("stop")
    assert Rule("x", (), KEEP).actions == KEEP
