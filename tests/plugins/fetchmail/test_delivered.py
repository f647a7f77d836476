"""By what a message is known again."""

from __future__ import annotations

from pathlib import Path

from mailstead.machine.base import Completed
from mailstead.machine.fake import FakeMachine
from mailstead_fetchmail.delivered import delivered_since, identity_of, lines_of
from tests.plugins.contexts import MODULES, bench

OWN = "Received: from mx.work.example by imap.work.example id 1;\n\tTue\nSubject: {}\n..dots: x"
FETCHED = "Received: from imap.work.example\n\tby vm with IMAP (fetchmail-6.4.37)\n\tfor <a>; {}\n"
DELIVERED = "Return-Path: <f@x>\nReceived: from localhost\n\tby mail with LMTP\n\tid 7; Tue\n"


def sent(subject: str, at: str) -> bytes:
    """Give what Fetchmail sends: a header, a part of the body, dot-stuffed."""
    text = (FETCHED.format(at) + OWN.format(subject)).replace("\n.", "\n..")
    return text.replace("\n", "\r\n").encode() + b"\r\n\r\nfirst line\r\n"


def stored(subject: str, at: str) -> str:
    """Give what doveadm prints of one that was delivered."""
    return DELIVERED + FETCHED.format(at) + OWN.format(subject) + "\n\n\n"


def test_what_was_added_on_the_way_does_not_count() -> None:
    """Neither Fetchmail's line, which has another time, nor Dovecot's."""
    first, again = lines_of(sent("hi", "Monday")), lines_of(sent("hi", "Tuesday"))
    assert identity_of(first) == identity_of(again)
    assert identity_of(first) == identity_of(stored("hi", "Monday").rstrip("\n").split("\n"))
    assert identity_of(first) != identity_of(lines_of(sent("ho", "Monday")))


def test_each_message_of_the_mailbox_is_known_once(tmp_path: Path) -> None:
    """The mailbox is looked into when it is first asked about, and only then."""
    machine = FakeMachine()
    printed = "hdr\n" + stored("one", "Monday") + stored("two", "Monday") + stored("two", "Monday")
    machine.on_command(["doveadm"], Completed(0, printed, ""))
    with bench(tmp_path, (*MODULES, "fetchmail")) as made:
        is_known = delivered_since(made.context(), machine, "ada@example.org", 1000.0)
        assert [] == [name for name, _ in machine.calls]
        found = [is_known(sent(name, "Tuesday")) for name in ("one", "one", "two", "two", "two")]
    assert found == [True, False, True, True, False]
    ((name, (argv,)),) = machine.calls
    assert (name, argv[-7:]) == (
        "run_lines", ("mailbox", "*", "savedsince", "990", "header", "Received", "(fetchmail-"),
    )  # fmt: skip
