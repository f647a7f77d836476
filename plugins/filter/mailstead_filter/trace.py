"""What the filter would do to a message that ``mailstead trace`` asks about."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailstead.plugin import Context, Machine
from mailstead_filter.judgement import (
    UNWANTED,
    default_judgement,
    domain_judgement,
    recipients,
    without_extension,
)
from mailstead_filter.postfix import REFUSED, is_denied
from mailstead_filter.settings import DomainOverrides, Policies, Senders
from mailstead_filter.use import is_in_use
from mailstead_mail_smtp.hookspecs import TraceQuestion, TraceStep
from mailstead_mail_smtp.settings import DomainAliases

ABOUT = "filter"


def trace_steps(
    context: Context,
    machine: Machine,  # noqa: ARG001 - the hook's
    question: TraceQuestion,
) -> tuple[TraceStep, ...]:
    """Tell what is looked for, and which scores hold for the recipient."""
    return tuple(_steps(context, question)) if is_in_use(context) else ()


def trace_restriction(
    context: Context,
    machine: Machine,  # noqa: ARG001 - the hook's
    question: TraceQuestion,
    restriction: str,
) -> tuple[TraceStep, ...]:
    """Tell whether the recipient is denied."""
    if REFUSED not in restriction:
        return ()
    if is_denied(context, question.recipient):
        return (TraceStep(ABOUT, "the recipient is denied", "filter.recipients", REFUSED),)
    return (TraceStep(ABOUT, "the recipient is not denied", "filter.recipients"),)


def fits(pattern: str, address: str) -> bool:
    """Tell whether an entry of a list holds an address, as policy.lua does."""
    like = ".*".join(map(re.escape, pattern.split("*")))
    return bool(re.fullmatch(f".*{like}" if pattern.startswith("@") else like, address.lower()))


def _steps(context: Context, question: TraceQuestion) -> Iterator[TraceStep]:
    found = {row.action for row in context.settings.rows(Senders)
             if question.sender and fits(row.sender, question.sender)}  # fmt: skip
    if "deny" in found:
        says = "is refused: the sender is denied"
        yield TraceStep(ABOUT, says, "filter.senders", f"554 5.7.1 {UNWANTED}")
        return
    default = default_judgement(context)
    row = _override(context, question.recipient.rpartition("@")[2].lower())
    judged = domain_judgement(default, row) if row else default
    behind = f"filter.domains[{row.domain}]" if row else "filter.spam"
    policies = context.settings.form(Policies)
    if "allow" in found:
        yield TraceStep(ABOUT, "is never spam: the sender is allowed", "filter.senders")
    elif _is_allowed(context, question.recipient):
        yield TraceStep(ABOUT, "is never spam: the recipient is allowed", "filter.recipients")
    elif judged.spam:
        says = f"is marked from a score of {judged.tag:g}, and spam from {judged.reject:g}"
        yield TraceStep(ABOUT, f"{says} (policy {policies.spam})", behind)
    if judged.virus:
        yield TraceStep(ABOUT, f"is scanned for viruses (policy {policies.virus})", behind)


def _override(context: Context, domain: str) -> DomainOverrides | None:
    alias = context.settings.row(DomainAliases, domain)
    return context.settings.row(DomainOverrides, alias.domain if alias else domain)


def _is_allowed(context: Context, recipient: str) -> bool:
    names = (recipient, without_extension(recipient))
    return any(fits(found, name) for found in recipients(context, "allow") for name in names)
