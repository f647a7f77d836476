"""What a run came to, in plain words; each text is Fetchmail's own, seen on a real run."""

from __future__ import annotations

import pytest

from mailstead.errors import MachineError
from mailstead.machine.values import Completed
from mailstead_fetchmail.words import CIRCLE, LONGEST, error_of, went_well


def test_a_run_with_or_without_new_mail_went_well() -> None:
    """Nothing is said of it."""
    for status in (0, 1):
        done = Completed(status, "reading message ada@localhost:1 of 1 flushed", "a warning")
        assert (went_well(done), error_of(done)) == (True, "")


def test_mail_that_is_refused_here_is_said_to_stay_there() -> None:
    """Whatever Fetchmail says of it."""
    full = "552 5.2.2 <ada@example.org> the mailbox is full"
    said = error_of(Completed(0, "", ""), full)
    assert said == f"the mailbox here is full; the mail stays on the server: {full}"
    said = error_of(Completed(10, "", "LMTP connect failed"), "451 4.3.0 try again")
    assert said.startswith("the mailbox here does not take the mail; the mail stays on the server")
    said = error_of(Completed(10, "", "LMTP connect failed"), CIRCLE)
    assert said == f"{CIRCLE}; it stays on the server"


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
        (2, "fetchmail: timeout after 60 seconds waiting for server localhost.",
         "the server did not answer in time"),
        (77, "", "Fetchmail failed with status 77"),
    ],
)  # fmt: skip
def test_an_error_is_said_in_plain_words(status: int, said: str, words: str) -> None:
    """With Fetchmail's own behind them."""
    error = error_of(Completed(status, "", said))
    assert error.startswith(words)
    assert said.removeprefix("fetchmail: ") in error


def test_a_name_that_is_not_found_is_said_without_a_functions_name() -> None:
    """Nor of the connection that was never made."""
    said = (
        'fetchmail: getaddrinfo("imap.x.invalid","993") error: Name or service not known\n'
        "fetchmail: IMAP connection to imap.x.invalid failed: No such file or directory\n"
    )
    words = "there is no server of this name, or names cannot be looked up now"
    assert error_of(Completed(11, "", said)) == f"{words}: Name or service not known"


def test_an_error_is_of_bounded_length() -> None:
    """A server may say a lot."""
    assert len(error_of(Completed(2, "", "x" * 5000))) == LONGEST


def test_what_was_passed_over_is_not_what_went_wrong() -> None:
    """Without verified TLS Fetchmail warns of every certificate."""
    said = (
        "fetchmail: Server certificate verification error: self-signed certificate\n"
        "fetchmail: Warning: the connection is insecure, continuing anyways. (Better use "
        "--sslcertck!)\nfetchmail: Authorization failure on ada@localhost\n"
    )
    error = error_of(Completed(3, "", said))
    assert error.startswith("the server does not accept this account name and password")
    assert "self-signed" not in error


def test_what_was_killed_says_so() -> None:
    """A run that took too long."""
    assert not went_well(MachineError("took too long"))
    assert "too long" in error_of(MachineError("took too long"))
