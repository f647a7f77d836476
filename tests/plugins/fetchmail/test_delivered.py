"""By what a message is known again."""

from __future__ import annotations

from pathlib import Path

from mailstead.machine.fake import FakeMachine
from mailstead.machine.values import Completed
from mailstead.machine.values import Path as SystemPath
from mailstead_fetchmail.delivered import delivered_since, identity_of, lines_of, noting
from tests.plugins.contexts import MODULES, bench

OWN = "Received: from mx.work.example by imap.work.example id 1;\n\tTue\nSubject: {}\n..dots: x"
FETCHED = "Received: from imap.work.example\n\tby vm with IMAP (fetchmail-6.4.37)\n\tfor <a>; {}\n"
RECORD = SystemPath("/record")
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
        is_known = delivered_since(made.context(), machine, "ada@example.org", 1000.0, RECORD)
        assert [] == [name for name, _ in machine.calls]
        found = [is_known(sent(name, "Tuesday")) for name in ("one", "one", "two", "two", "two")]
    assert found == [True, False, True, True, False]
    ((argv,),) = [args for name, args in machine.calls if name == "run_lines"]
    expected = ("mailbox", "*", "savedsince", "990", "header", "Received", "(fetchmail-")
    assert argv[-7:] == expected


def known(machine: FakeMachine, folder: Path, stored_: str, *subjects: str) -> list[bool]:
    """Ask about messages while the mailbox holds what is stored."""
    machine.on_command(["doveadm"], Completed(0, f"hdr\n{stored_}", ""))
    with bench(folder, (*MODULES, "fetchmail")) as made:
        is_known = delivered_since(made.context(), machine, "ada@example.org", 1000.0, RECORD)
        return [is_known(sent(name, "Tuesday")) for name in subjects]


def test_what_was_noted_is_known_without_a_mailbox(tmp_path: Path) -> None:
    """Each as often as it was noted or is in the mailbox, whichever is more often."""
    machine = FakeMachine()
    note = noting(machine, RECORD)
    for name in ("gone", "both", "twice", "twice"):
        note(sent(name, "Monday"))
    stored_ = stored("both", "Monday") + stored("twice", "Monday") + stored("late", "Monday")
    asked = ("gone", "gone", "both", "both", "twice", "twice", "twice", "late", "late", "new")
    expected = [True, False, True, False, True, True, False, True, False, False]
    assert expected == known(machine, tmp_path, stored_, *asked)


def test_a_record_that_was_torn_keeps_what_is_whole(tmp_path: Path) -> None:
    """What was noted before and after it is known; so is that of a record of many blocks."""
    machine = FakeMachine()
    note = noting(machine, RECORD)
    note(sent("before", "Monday"))
    machine.append_file(RECORD, b"\n0123")
    for number in range(2000):
        note(sent(str(number), "Monday"))
    asked = ["before", *map(str, range(2000)), "new"]
    assert [name for name, is_known in zip(asked, known(machine, tmp_path, "", *asked), strict=True)
            if not is_known] == ["new"]  # fmt: skip
