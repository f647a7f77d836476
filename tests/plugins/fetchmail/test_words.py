"""What a run came to, in plain words; each text is Fetchmail's own, seen on a real run."""

from __future__ import annotations

import pytest

from mailstead.errors import MachineError
from mailstead.machine.base import Completed
from mailstead_fetchmail.words import LONGEST, Outcome, outcome_of

THREE = (
    "3 messages for ada at localhost (1200 octets).\n"
    "reading message ada@localhost:1 of 3 (400 octets) flushed\n"
    "reading message ada@localhost:2 of 3 (400 octets) not flushed\n"
    "reading message ada@localhost:3 of 3 (400 octets)\n"
)


def test_messages_are_counted() -> None:
    """Those that were delivered, whether they stay there or not."""
    assert outcome_of(Completed(0, THREE, "")) == Outcome(2)
    assert outcome_of(Completed(1, "fetchmail: No mail for ada at localhost\n", "")) == Outcome(0)


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (2, "fetchmail: connection to localhost:993 [127.0.0.1/993] failed: Connection refused.",
         "the server refuses connections on this port"),
        (3, "fetchmail: Authorization failure on ada@localhost",
         "the server does not accept this account name and password"),
        (2, "fetchmail: Server certificate verification error: self-signed certificate",
         "the server's certificate is self-signed and not trusted"),
        (2, "fetchmail: Server certificate verification error: hostname mismatch",
         "the server's certificate is for another name"),
        (11, "fetchmail: getaddrinfo(\"x\",\"993\") error: Name or service not known",
         "there is no server of this name"),
        (2, "fetchmail: timeout after 60 seconds waiting for server localhost.",
         "the server did not answer in time"),
        (77, "", "Fetchmail failed with status 77"),
    ],
)  # fmt: skip
def test_an_error_is_said_in_plain_words(status: int, said: str, words: str) -> None:
    """With Fetchmail's own behind them."""
    error = outcome_of(Completed(status, "", said)).error
    assert error.startswith(words)
    assert said.removeprefix("fetchmail: ") in error


def test_an_error_is_of_bounded_length() -> None:
    """A server may say a lot."""
    assert len(outcome_of(Completed(2, "", "x" * 5000)).error) == LONGEST


def test_what_was_killed_says_so() -> None:
    """A run that took too long."""
    assert "too long" in outcome_of(MachineError("took too long")).error
