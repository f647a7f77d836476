"""What the filter foretells, from settings alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailstead_filter.postfix import restrictions
from mailstead_filter.trace import fits, trace_restriction, trace_steps
from mailstead_mail_smtp.hookspecs import TraceQuestion
from tests.plugins.contexts import MODULES, bench

NOBODY: Any = None  # no machine is asked


@pytest.mark.parametrize(
    ("pattern", "address", "expected"),
    [
        ("ada@example.org", "Ada@Example.org", True),
        ("ada@example.org", "xada@example.org", False),
        ("@example.org", "ada@example.org", True),
        ("@example.org", "ada@sub.example.org", False),
        ("@*.example.org", "ada@sub.example.org", True),
        ("*@good.*", "ada@good.example", True),
        ("a.a@example.org", "axa@example.org", False),
    ],
)
def test_an_entry_of_a_list_holds_addresses(pattern: str, address: str, expected: bool) -> None:
    """As in the policy."""
    assert fits(pattern, address) is expected


def test_it_tells_scores_lists_and_who_is_denied(tmp_path: Path) -> None:
    """Nothing while it is not in use."""
    question = TraceQuestion("eve@evil.example", "ada@example.net", "192.0.2.1")
    with bench(tmp_path, (*MODULES, "filter")) as made:
        made.add("mail_smtp.domains", name="example.org")
        made.add("mail_smtp.domain_aliases", name="example.net", domain="example.org")
        made.add("filter.domains", domain="example.org", tag="3.5", virus=False)
        assert trace_steps(made.context(), NOBODY, question) == ()
        made.set("mail_smtp.filter", use="mailstead")
        (step,) = trace_steps(made.context(), NOBODY, question)
        assert step.says == "is marked from a score of 3.5, and spam from 15 (policy reject)"
        assert step.behind == "filter.domains[example.org]"
        made.add("filter.senders", sender="@evil.*", action="deny")
        (step,) = trace_steps(made.context(), NOBODY, question)
        assert step.says == "is refused: the sender is denied"
        assert step.reply == "554 5.7.1 this sender is not wanted here"
        made.add("filter.recipients", recipient="@example.net", action="deny")
        context = made.context()
        (restriction,) = restrictions(context)
        (step,) = trace_restriction(context, NOBODY, question, restriction)
        assert step.reply == "554 5.7.1 no mail is taken for this address"
        assert trace_restriction(context, NOBODY, question, "reject_unlisted_recipient") == ()


def test_an_entry_holds_behind_the_aliases_of_its_domain(tmp_path: Path) -> None:
    """Of recipients, with and without an extension; the address is that which is written to."""
    with bench(tmp_path, (*MODULES, "filter")) as made:
        made.set("mail_smtp.filter", use="mailstead")
        made.add("mail_smtp.domains", name="example.org")
        made.add("mail_smtp.domain_aliases", name="example.net", domain="example.org")
        made.add("filter.recipients", recipient="old@example.org", action="deny")
        made.add("filter.recipients", recipient="@example.org", action="allow")
        context = made.context()
        (restriction,) = restrictions(context)
        said = {
            recipient: trace_restriction(context, NOBODY, asked(recipient), restriction)[0].reply
            for recipient in ("old@example.net", "Old+x@example.net", "ada@example.net")
        }
        assert [bool(reply) for reply in said.values()] == [True, True, False]
        assert "{old@example.net = 554" in restriction
        step = trace_steps(context, NOBODY, asked("ada@example.net"))[0]
        assert (step.says, step.behind) == (
            "is never spam: the recipient is allowed", "filter.recipients",
        )  # fmt: skip


def asked(recipient: str) -> TraceQuestion:
    """Give the question about a recipient."""
    return TraceQuestion("eve@evil.example", recipient, "192.0.2.1")
