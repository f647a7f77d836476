"""What would become of a message, step by step, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs

from mailstead.plugin import Context, Machine
from mailstead_mail_smtp.hooks import collect_foretold, collect_trace_steps
from mailstead_mail_smtp.hookspecs import TraceQuestion, TraceStep
from mailstead_mail_smtp.places import CONFIG
from mailstead_mail_smtp.postfix.sockets import SMTP, SUBMISSION, SUBMISSIONS
from mailstead_mail_smtp.trace.answers import NEXT, Outcome, reject, unknown
from mailstead_mail_smtp.trace.delivery import Delivery, deliveries
from mailstead_mail_smtp.trace.ends import follow
from mailstead_mail_smtp.trace.live import Live, LookupFailed, read_live
from mailstead_mail_smtp.trace.reception import Said, ask_all, lacks_space, refuses_size
from mailstead_mail_smtp.trace.restrictions import Asked, action, in_mynetworks, lookup_failed

SERVICES = {port: name for name, port in (SMTP, SUBMISSION, SUBMISSIONS)}
NO_LOGIN = "535 5.7.8 Error: authentication failed: (reason unavailable)"  # Dovecot gives none
ENDLESS = reject("451 4.6.0 Alias expansion error", "aliases have no end")
Verdict = Literal["accepted", "refused", "deferred"]


@attrs.frozen
class Trace:
    """What would happen.

    Attributes:
        verdict: ``deferred`` is a refusal for now: a reply that begins with 4.
        reply: code and text of the refusal; empty when accepted.
        steps: in the order in which they happen.
        unforeseen: what may decide otherwise and cannot be foretold.
        deliveries: where an accepted message ends.
    """

    verdict: Verdict
    reply: str
    steps: tuple[TraceStep, ...]
    unforeseen: tuple[str, ...] = ()
    deliveries: tuple[Delivery, ...] = ()


def trace(context: Context, machine: Machine, question: TraceQuestion, no_login: str) -> Trace:
    """Foretell what becomes of a message. Raises MachineError.

    ``no_login`` is why the question's login would be refused, from `logins.why_no_login`.
    """
    name = SERVICES[question.port]
    port = context.instance.port(name, question.port)
    live = read_live(machine, context.path(CONFIG), port)
    if live is None:
        step = TraceStep("service", f"nothing listens on {name}, port {port}", "master.cf")
        return Trace("refused", "no connection", (step,))
    asked = Asked(
        live, question.client, question.login, question.sender, question.recipient,
        lambda restriction: _foretold(context, machine, question, restriction),
    )  # fmt: skip
    steps = [TraceStep("service", f"{name}, port {port}", "master.cf"), _client(asked)]
    said = tuple(_reception(asked, question, no_login))
    steps += map(_step_of, said)
    refused = next((item.outcome for item in said if item.outcome.word == "reject"), None)
    unforeseen = [_name(item) for item in said if item.outcome.word == "unknown"]
    if refused:
        return _refused(refused, steps, unforeseen)
    try:
        ends = follow(live, question)
        steps += ends.steps
        if ends.is_endless:
            return _refused(ENDLESS, steps, unforeseen)
        delivered = deliveries(live, question.sender, ends.addresses)
    except LookupFailed as error:
        return _refused(lookup_failed(error, question.recipient), steps, unforeseen)
    before = len(steps)
    steps += map(_delivered, delivered)
    for setting in ("content_filter", "smtpd_milters"):
        if live.value(setting):
            says = f"passes {live.value(setting)} first, which may do anything to it"
            steps.append(TraceStep("filter", says, setting))
            unforeseen.append(setting)
    ours = tuple(item.account for item in delivered if item.mailbox)
    known = attrs.evolve(question, mailboxes=ours)
    given = [step for _, some in collect_trace_steps(context, machine, known) for step in some]
    refusal = next((step for step in given if step.reply), None)
    if refusal:
        outcome = reject(refusal.reply, refusal.says, refusal.behind)
        return _refused(outcome, [*steps[:before], refusal], unforeseen)
    steps += given
    return Trace("accepted", "", tuple(steps), tuple(unforeseen), delivered)


def _refused(outcome: Outcome, steps: list[TraceStep], unforeseen: list[str]) -> Trace:
    verdict: Verdict = "deferred" if outcome.reply.startswith("4") else "refused"
    return Trace(verdict, outcome.reply, tuple(steps), tuple(unforeseen))


def _client(asked: Asked) -> TraceStep:
    who = {True: "may relay", False: "is a stranger", None: "may be in mynetworks or not"}[
        in_mynetworks(asked)
    ]
    return TraceStep("client", f"{asked.client} {who}", "mynetworks")


def _foretold(
    context: Context, machine: Machine, question: TraceQuestion, restriction: str
) -> Outcome:
    steps = collect_foretold(context, machine, question, restriction)
    if not steps:
        return unknown("what this restriction would say")
    refusal = next((step for step in steps if step.reply), None)
    if refusal is None:
        return NEXT
    subject = f"<{question.recipient}>: Recipient address rejected"
    return action(refusal.reply, subject, refusal.says)


def _reception(asked: Asked, question: TraceQuestion, no_login: str) -> Iterator[Said]:
    for setting, outcome in (
        ("login", _login(asked.live, question, no_login)),
        ("size", refuses_size(asked.live, question.size)),
        ("space", lacks_space(asked.live)),
    ):
        if outcome.word == "reject":
            yield Said(setting, "", outcome)
            return
    yield from ask_all(asked)


def _login(live: Live, question: TraceQuestion, no_login: str) -> Outcome:
    if not question.login:
        return NEXT
    if not live.is_on("smtpd_sasl_auth_enable"):
        reply = "503 5.5.1 Error: authentication not enabled"
        return reject(reply, "nobody can log in on this port", "smtpd_sasl_auth_enable")
    if no_login:
        return reject(NO_LOGIN, no_login, "directory of users")
    return NEXT


def _step_of(said: Said) -> TraceStep:
    outcome = said.outcome
    words = {"permit": "passes", "reject": "is refused", "unknown": "cannot be foretold"}
    behind = ": ".join(filter(None, (said.setting, said.restriction)))
    if outcome.behind and outcome.behind not in behind:
        behind = f"{behind}, {outcome.behind}"
    return TraceStep("reception", f"{words[outcome.word]}: {outcome.why}", behind)


def _name(said: Said) -> str:
    return f"{said.restriction} ({said.setting})"


def _delivered(item: Delivery) -> TraceStep:
    if item.error:
        return TraceStep("delivery", f"{item.address} comes back: {item.error}", item.behind)
    place = f" into {item.mailbox}" if item.mailbox else ""
    return TraceStep("delivery", f"{item.address} by {item.transport}{place}", item.behind)
