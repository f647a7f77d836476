"""What is done with messages that wait, over a fake machine."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mailstead.machine.fake import FakeMachine
from mailstead.plugin import Completed, InvalidValue, MachineError, NotFound, Path
from mailstead_mail_smtp.queue import actions
from mailstead_mail_smtp.queue.actions import change_messages, flush, retry

CONFIG = Path("/etc/postfix")
ID = "4jZ9Hg56wZzJLgn"
NO_LOG = "postsuper: fatal: open logfile '/var/log/mail.log': cannot open file: Permission denied\n"


def test_ids_are_given_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces, since each prints a line; the counts are added."""
    monkeypatch.setattr(actions, "TOGETHER", 2)
    machine = FakeMachine()
    machine.on_command(["postsuper"], Completed(0, "", "postsuper: Deleted: 2 messages\n"))
    assert change_messages(machine, CONFIG, "delete", ("ABCDEF", "ABCDE0", "ABCDE1")) == 4
    queues = ("hold", "incoming", "active", "deferred", "maildrop")
    argv = ("postsuper", "-c", "/etc/postfix", "-d", "-", *queues)
    given = [args for name, args in machine.calls if name == "run"]
    assert given == [(argv, "ABCDEF\nABCDE0\n"), (argv, "ABCDE1\n")]


def test_no_other_word_reaches_postsuper() -> None:
    """ALL least of all."""
    machine = FakeMachine()
    with pytest.raises(InvalidValue):
        change_messages(machine, CONFIG, "delete", ("ABCDEF", "ALL"))
    assert machine.calls == []


def test_a_stopped_postfix_does_not_end_the_work() -> None:
    """It lets postsuper fail at its log after each message: the rest is given again."""
    machine = FakeMachine()
    left = ["ABCDEF", "ABCDE0"]

    def postsuper(_: Sequence[str]) -> Completed:
        return Completed(1, "", f"postsuper: {left.pop(0)}: removed\n{NO_LOG}")

    machine.on_command(["postsuper"], postsuper)
    assert change_messages(machine, CONFIG, "delete", ("ABCDEF", "ABCDE0")) == 2
    assert [args[1] for _, args in machine.calls] == ["ABCDEF\nABCDE0\n", "ABCDE0\n"]


def test_a_failure_is_told() -> None:
    """In postsuper's words."""
    machine = FakeMachine()
    machine.on_command(["postsuper"], Completed(1, "", "postsuper: fatal: use of this command"))
    with pytest.raises(MachineError, match="use of this command"):
        change_messages(machine, CONFIG, "hold", (ID,))


def test_a_message_that_is_gone_is_named() -> None:
    """Before the others are tried."""
    machine = FakeMachine()
    complaint = f"postcat: fatal: open queue file {ID}: No such file or directory\n"
    machine.on_command(["postcat"], Completed(1, "", complaint))
    with pytest.raises(NotFound, match=ID):
        retry(machine, CONFIG, ("ABCDEF", ID))
    assert not [args for name, args in machine.calls if name == "run"]


def test_a_message_on_hold_is_told_not_to_be_tried() -> None:
    """The others are; nobody's address is taken for the words of postcat."""
    machine = FakeMachine()
    told = (
        f"*** ENVELOPE RECORDS hold/{ID} ***\nsender: *** ENVELOPE RECORDS hold/ABCDE1 ***\n"
        "*** ENVELOPE RECORDS deferred/A/ABCDEF ***\n"
    )
    machine.on_command(["postcat"], Completed(0, told, ""))
    assert retry(machine, CONFIG, ("ABCDEF", ID)) == (ID,)


def test_a_stopped_postfix_is_said_to_be_stopped() -> None:
    """With the next step."""
    machine = FakeMachine()
    complaint = "postqueue: fatal: Cannot flush mail queue - mail system is down\n"
    machine.on_command(["postqueue"], Completed(69, "", complaint))
    with pytest.raises(MachineError, match="mailstead start mail_smtp"):
        flush(machine, CONFIG)
