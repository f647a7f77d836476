"""What ``mailstead trace`` tells of rules: which script a message passes through."""

from __future__ import annotations

from mailstead.plugin import Context, Machine, MailsteadError
from mailstead_mail_smtp.hookspecs import TraceQuestion, TraceStep
from mailstead_sieve.scripts.accounts import Owner
from mailstead_sieve.scripts.storage import Scripts
from mailstead_sieve.settings import Options

MOST = 20  # mailboxes that are looked at
BEHIND = "sieve, in Dovecot"


def trace_steps(
    context: Context, machine: Machine, question: TraceQuestion
) -> tuple[TraceStep, ...]:
    """Tell which rules the mailboxes have; what they would do depends on the message itself."""
    options = context.settings.form(Options)
    junk = "spam goes to Junk; " if options.spam_to_junk else ""
    found = ((name, _script(context, machine, name)) for name in question.mailboxes[:MOST])
    return tuple(TraceStep("rules", f"{name}: {junk}{script}", BEHIND) for name, script in found)


def _script(context: Context, machine: Machine, name: str) -> str:
    try:
        active = Scripts(context, machine, Owner(name, "")).active()
    except MailsteadError:
        return "Dovecot does not answer, or does not know it"
    return f"it passes through the script {active!r}" if active else "it has no active script"
