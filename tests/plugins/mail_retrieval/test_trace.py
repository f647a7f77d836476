"""What Dovecot says of a message that is asked about."""

from __future__ import annotations

from pathlib import Path as HostPath

import pytest

from mailstead.machine.fake import FakeMachine
from mailstead.plugin import Completed, Context
from mailstead_mail_retrieval.trace import FULL, trace_restriction, trace_steps
from mailstead_mail_smtp.hookspecs import TraceQuestion
from tests.plugins.contexts import bench

OURS = "check_policy_service { unix:private/quota-status, default_action=DUNNO }"
HEAD = "Quota name\tType\tValue\tLimit\t%\n"
TAB = HEAD + "User quota\tSTORAGE\t10\t{}\t0\nUser quota\tMESSAGE\t2\t-\t0\n"
ADA = "ada@example.org"


@pytest.fixture
def context(tmp_path: HostPath) -> Context:
    """Give a context of no settings."""
    with bench(tmp_path) as made:
        return made.context()


def machine(limit: str) -> FakeMachine:
    """Give a machine on which ada holds 10 KiB."""
    made = FakeMachine()
    made.on_command(["doveadm"], Completed(0, TAB.format(limit), ""))
    return made


def question(size: int, recipient: str = "Ada+x@example.org") -> TraceQuestion:
    """Ask about a message of a size."""
    return TraceQuestion("", recipient, "192.0.2.1", size=size, mailboxes=(ADA,))


@pytest.mark.parametrize(
    ("limit", "size", "reply"),
    [("8", 0, FULL), ("11", 1024, ""), ("11", 2048, FULL), ("-", 1 << 30, "")],
)
def test_a_full_mailbox_refuses(context: Context, limit: str, size: int, reply: str) -> None:
    """Whoever is written to, without the extension; no limit is never full."""
    made = machine(limit)
    (step,) = trace_restriction(context, made, question(size), OURS)
    assert step.reply == reply
    (argv,) = (args[0] for name, args in made.calls if name == "run")
    assert argv[-1] == ADA
    (told,) = trace_steps(context, made, question(size))
    assert ("may not fit" in told.says) == bool(reply)


@pytest.mark.parametrize(("limit", "size"), [("10", 0), ("10", 1023), ("11", 1025), ("11", 2047)])
def test_what_fits_barely_or_not_is_not_foretold(context: Context, limit: str, size: int) -> None:
    """Dovecot tells whole KiB, rounded up: ada holds between 9 and 10 of them."""
    assert trace_restriction(context, machine(limit), question(size), OURS) == ()


def test_a_restriction_of_others_is_not_ours(context: Context) -> None:
    """Nothing is asked."""
    made = machine("10")
    assert trace_restriction(context, made, question(0), "check_policy_service unix:a") == ()
    assert made.calls == []


def test_a_dovecot_that_is_silent_lets_mail_pass(context: Context) -> None:
    """As Postfix does then."""
    made = FakeMachine()
    made.on_command(["doveadm"], Completed(75, "", "doveadm: Error: no connection"))
    (step,) = trace_restriction(context, made, question(0), OURS)
    assert step.reply == ""
    (told,) = trace_steps(context, made, question(0))
    assert "does not answer" in told.says
