"""Which messages a filter means."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from mailstead_mail_smtp.queue.filters import Filter
from mailstead_mail_smtp.queue.messages import Recipient
from tests.plugins.mail_smtp.queue.test_messages import MESSAGE

MEANT = attrs.evolve(
    MESSAGE,
    sender="Ada@Example.org",
    recipients=(
        Recipient("bob@out.example", "Connection refused"),
        Recipient("carol@out.example", "timed out"),
    ),
    arrived=100.0,
)


@pytest.mark.parametrize(
    "words",
    [{}, {"sender": "ada@example.org"}, {"sender": "@example.ORG"}, {"sender": "da"},
     {"recipient": "carol@out.example"}, {"reason": "REFUSED"}, {"queue": "deferred"},
     {"recipient": "bob", "reason": "refused"}, {"before": 101.0}, {"since": 100.0}],
)  # fmt: skip
def test_what_fits_is_meant(words: dict[str, Any]) -> None:
    """Case does not matter."""
    assert Filter(**words).meets(MEANT)


@pytest.mark.parametrize(
    ("sender", "asked", "is_meant"),
    [("MAILER-DAEMON", "<>", True), ("MAILER-DAEMON", "MAILER-DAEMON", True),
     ("mailer-daemon@example.org", "<>", False), ("Ada@Example.org", "<>", False)],
)  # fmt: skip
def test_mail_without_a_sender_is_asked_for_as_smtp_writes_it(
    sender: str, asked: str, is_meant: bool
) -> None:
    """Or as the list has it."""
    assert Filter(sender=asked).meets(attrs.evolve(MEANT, sender=sender)) == is_meant


@pytest.mark.parametrize(
    "words",
    [{"sender": "a@example.org"}, {"sender": "@ample.org"}, {"recipient": "ada"},
     {"recipient": "bob", "reason": "timed out"}, {"queue": "hold"}, {"before": 100.0},
     {"since": 101.0}, {"sender": "ada", "reason": "no such thing"}],
)  # fmt: skip
def test_what_does_not_fit_is_not_meant(words: dict[str, Any]) -> None:
    """A whole address is no part of another; a reason is that of the recipient."""
    assert not Filter(**words).meets(MEANT)
