"""How much one client may ask for: postconf(5), anvil(8)."""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Context, Problem
from mailstead_mail_smtp.hookspecs import Parameter
from mailstead_mail_smtp.settings import Options

SMALLEST_MESSAGE = 64 << 10
LARGEST_MESSAGE = 1 << 30  # Postfix takes no mail at all with less than half as much again free
LOGINS_A_MINUTE = 100


def limits(context: Context) -> Iterator[Parameter]:
    """Give the limits. Allowed objects are exempt: smtpd_client_event_limit_exceptions."""
    size = context.settings.form(Options).message_size or 0
    yield Parameter("message_size_limit", str(size), "" if size else "no limit")
    comment = "a guesser gets no more; each wrong password takes seconds besides"
    yield Parameter("smtpd_client_auth_rate_limit", str(LOGINS_A_MINUTE), comment)
    yield Parameter("smtpd_client_connection_count_limit", "50")
    yield Parameter("smtpd_soft_error_limit", "5")
    yield Parameter("smtpd_hard_error_limit", "20")


def problems(context: Context) -> Iterator[Problem]:
    """Give problems with limits."""
    size = context.settings.form(Options).message_size
    if size is not None and size < SMALLEST_MESSAGE:
        problem = f"{size} bytes are too few for a message with its headers"
        hint = "give at least 64K, or unset it for no limit"
        yield Problem("mail_smtp.options.message_size", problem, hint)
    if size is not None and size > LARGEST_MESSAGE:
        problem = f"{size} bytes are more than a mail server passes on"
        hint = "give at most 1G, or unset it for no limit"
        yield Problem("mail_smtp.options.message_size", problem, hint)
