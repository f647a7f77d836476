"""Other modules' part in a trace."""

from __future__ import annotations

from pathlib import Path as HostPath

import attrs
import pytest

from mailstead.machine.fake import FakeMachine
from mailstead.plugin import Completed, Context
from mailstead_mail_smtp.hookspecs import TraceQuestion, TraceStep
from mailstead_mail_smtp.trace import trace as room
from mailstead_mail_smtp.trace.live import Live
from mailstead_mail_smtp.trace.trace import trace
from tests.plugins.contexts import bench
from tests.plugins.mail_smtp.trace.postfix import ADA, FRIEND, live

QUESTION = TraceQuestion(FRIEND, ADA, "198.51.100.1")
SIEVE = TraceStep("sieve", "is filed into Lists", "ada's script")


@attrs.define
class Module:
    """A module that has something to say of mail."""

    restriction: str = ""
    reply: str = ""
    seen: tuple[str, ...] = ()
    step: TraceStep = SIEVE

    def collect(self, hook: str, **given: object) -> tuple[tuple[str, tuple[TraceStep, ...]], ...]:
        """Answer as an engine's hooks do."""
        if hook == "trace_steps":
            question = given["question"]
            assert isinstance(question, TraceQuestion)
            self.seen = tuple(question.mailboxes)
            return (("sieve", (self.step,)),)
        if hook == "trace_restriction" and given["restriction"] == self.restriction:
            return (("other", (TraceStep("policy", "full", "limit", self.reply),)),)
        return ()


@pytest.fixture
def context(tmp_path: HostPath) -> Context:
    """Give a context of no settings."""
    with bench(tmp_path) as made:
        return made.context()


def ask(
    context: Context, module: Module, service: Live, monkeypatch: pytest.MonkeyPatch
) -> room.Trace:
    """Ask with one more module."""
    monkeypatch.setattr(room, "read_live", lambda *_: service)
    return trace(attrs.evolve(context, collect=module.collect), service.machine, QUESTION, "")


def test_a_module_adds_its_steps_to_accepted_mail(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows the mailboxes by then."""
    module = Module()
    found = ask(context, module, live(), monkeypatch)
    assert (found.verdict, found.steps[-1]) == ("accepted", SIEVE)
    assert module.seen == (ADA,)


def test_a_step_with_a_reply_refuses_mail_that_postfix_would_accept(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a milter does; nothing is delivered then."""
    step = TraceStep("filter", "is refused: the sender is denied", "x", "554 5.7.1 not wanted")
    found = ask(context, Module(step=step), live(), monkeypatch)
    assert (found.verdict, found.reply) == ("refused", "554 5.7.1 not wanted")
    assert (found.steps[-1], found.deliveries) == (step, ())
    assert "delivery" not in [item.about for item in found.steps]


def test_mail_whose_aliases_have_no_end_is_put_off(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After all of the message was sent; the steps name the circle."""
    circle = live({"texthash:aliases": {ADA: "b@example.org", "b@example.org": ADA}})
    found = ask(context, Module(), circle, monkeypatch)
    assert (found.verdict, found.reply) == ("deferred", "451 4.6.0 Alias expansion error")
    assert [step.about for step in found.steps][-3:] == ["alias", "alias", "alias"]


def test_a_module_explains_its_restriction(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose reply is the verdict, without one it passes; a stranger's is unforeseen."""
    service = live(smtpd_recipient_restrictions="check_policy_service unix:mine")
    name = "check_policy_service unix:mine"
    refused = ask(context, Module(name, "452 4.2.2 later"), service, monkeypatch)
    assert refused.verdict == "deferred"
    assert refused.reply == f"452 4.2.2 <{ADA}>: Recipient address rejected: later"
    assert ask(context, Module(name), service, monkeypatch).unforeseen == ()
    assert ask(context, Module(), service, monkeypatch).unforeseen == (
        f"{name} (smtpd_recipient_restrictions)",
    )


def test_a_port_without_a_service_is_no_connection(context: Context) -> None:
    """It is an answer, too."""
    machine = FakeMachine()
    machine.on_command(["postconf"], Completed(0, "", ""))
    found = trace(context, machine, attrs.evolve(QUESTION, port=465), "")
    assert (found.verdict, found.reply) == ("refused", "no connection")
