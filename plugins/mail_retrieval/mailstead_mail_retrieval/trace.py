"""What Dovecot does to a message that ``mailstead trace`` asks about: quotas.

https://doc.dovecot.org/2.3/configuration_manual/quota/
"""

from __future__ import annotations

import attrs

from mailstead.plugin import Context, Machine, MachineError
from mailstead_mail_retrieval.usage import KIB, Usage, usage_of
from mailstead_mail_smtp.hookspecs import TraceQuestion, TraceStep

QUOTA_STATUS = "unix:private/quota-status"
FULL = "552 5.2.2 the mailbox is full"
MOST = 20  # mailboxes that are looked at
BEHIND = "quota, in Dovecot"


def trace_restriction(
    context: Context, machine: Machine, question: TraceQuestion, restriction: str
) -> tuple[TraceStep, ...]:
    """Tell what the service quota-status would say: of accounts, not of aliases.

    Dovecot tells how full a mailbox is in whole KiB, so what fits barely is not foretold.
    """
    if QUOTA_STATUS not in restriction:
        return ()
    user, _, domain = question.recipient.lower().rpartition("@")
    usage = _usage(context, machine, f"{user.partition('+')[0]}@{domain}")
    if usage is not None and _is_full(usage, question.size):
        is_sure = _is_full(attrs.evolve(usage, size=usage.size - KIB + 1), question.size)
        return (TraceStep("quota", "the mailbox is full", BEHIND, FULL),) if is_sure else ()
    return (TraceStep("quota", "there is room, or it is no account", BEHIND),)


def trace_steps(
    context: Context, machine: Machine, question: TraceQuestion
) -> tuple[TraceStep, ...]:
    """Tell how full the mailboxes are that a message would go to."""
    found = ((name, _usage(context, machine, name)) for name in question.mailboxes[:MOST])
    return tuple(_step(name, usage, question.size) for name, usage in found)


def _step(name: str, usage: Usage | None, size: int) -> TraceStep:
    if usage is None:
        return TraceStep("quota", f"{name}: Dovecot does not answer, or does not know it", BEHIND)
    limit = f"of {usage.limit}" if usage.limit else "without a limit"
    says = f"{name} holds {usage.size} bytes {limit}"
    full = "; this may not fit: the sender is told then" if _is_full(usage, size) else ""
    return TraceStep("quota", says + full, BEHIND)


def _usage(context: Context, machine: Machine, login: str) -> Usage | None:
    try:
        return usage_of(context, machine, login)
    except MachineError:
        return None


def _is_full(usage: Usage, size: int) -> bool:
    return usage.limit is not None and usage.limit > 0 and usage.size + max(size, 1) > usage.limit
