"""Numbers of things in words."""

from __future__ import annotations

import pytest

from mailstead.counting import counted


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 messages"), (1, "1 message"), (2, "2 messages"), (21, "21 messages")],
)
def test_one_is_not_many(number: int, words: str) -> None:
    """Nor is none one."""
    assert counted(number, "message") == words


def test_a_plural_may_be_given() -> None:
    """Where an s does not make it."""
    assert [counted(number, "alias", "aliases") for number in (1, 2)] == ["1 alias", "2 aliases"]
