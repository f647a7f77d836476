"""One typed function for each hook of mail_smtp."""

from __future__ import annotations

from mailstead.plugin import Context, Machine
from mailstead_mail_smtp.hookspecs import MailFilter, Parameter, Service, TraceQuestion, TraceStep

Contributed = tuple[str, tuple[Parameter, ...]]


def collect_parameters(context: Context) -> tuple[Contributed, ...]:
    """Ask the other modules for main.cf parameters; pairs of module and what it gives."""
    found = context.collect("postfix_parameters", context=context)
    return tuple((module, tuple(given)) for module, given in found)


def collect_services(context: Context) -> tuple[tuple[str, tuple[Service, ...]], ...]:
    """Ask the other modules for master.cf entries; pairs of module and what it gives."""
    found = context.collect("postfix_services", context=context)
    return tuple((module, tuple(given)) for module, given in found)


def collect_filters(context: Context) -> tuple[MailFilter, ...]:
    """Ask the other modules for mail filters."""
    found = context.collect("mail_filters", context=context)
    return tuple(item for _, given in found for item in given)


def collect_restrictions(context: Context) -> tuple[str, ...]:
    """Ask the other modules for restrictions of recipients, the last ones about mailboxes."""
    hooks = ("recipient_restrictions", "mailbox_restrictions")
    found = (given for hook in hooks for _, given in context.collect(hook, context=context))
    return tuple(item for given in found for item in given)


def collect_trace_steps(
    context: Context, machine: Machine, question: TraceQuestion
) -> tuple[tuple[str, tuple[TraceStep, ...]], ...]:
    """Ask the other modules what they do to a message; pairs of module and its steps."""
    found = context.collect("trace_steps", context=context, machine=machine, question=question)
    return tuple((module, tuple(given)) for module, given in found)


def collect_foretold(
    context: Context, machine: Machine, question: TraceQuestion, restriction: str
) -> tuple[TraceStep, ...]:
    """Ask the other modules what a restriction of theirs would say."""
    given = {"machine": machine, "question": question, "restriction": restriction}
    found = context.collect("trace_restriction", context=context, **given)
    return tuple(step for _, steps in found for step in steps)
