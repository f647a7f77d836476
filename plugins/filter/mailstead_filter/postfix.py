"""What the filter adds to Postfix: MILTER_README, access(5)."""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Context
from mailstead_filter import limits, places
from mailstead_filter.judgement import NAME, recipients, without_extension
from mailstead_filter.settings import Options
from mailstead_filter.use import is_in_use
from mailstead_mail_smtp.hookspecs import MailFilter, Parameter

REFUSED = "554 5.7.1 no mail is taken for this address"


def mail_filter(context: Context) -> MailFilter:
    """Give the filter that an admin can choose."""
    return MailFilter(NAME, "Rspamd and ClamAV", parameters=tuple(_parameters(context)))


def restrictions(context: Context) -> tuple[str, ...]:
    """Give the restriction that refuses recipients, each by itself."""
    denied = _denied(context)
    if not denied or not is_in_use(context):
        return ()
    entries = " ".join(f"{{{name} = {REFUSED}}}" for name in denied)
    return (f"check_recipient_access inline:{{{entries}}}",)


def is_denied(context: Context, recipient: str) -> bool:
    """Tell whether an address gets no mail; a domain's subdomains do not either: access(5)."""
    addresses = (recipient.lower(), without_extension(recipient))
    domain = addresses[0].rpartition("@")[2]
    return any(
        name in addresses or ("@" not in name and f".{domain}".endswith(f".{name}"))
        for name in _denied(context)
    )


def _denied(context: Context) -> tuple[str, ...]:
    return tuple(found.removeprefix("@") for found in recipients(context, "deny"))


def _parameters(context: Context) -> Iterator[Parameter]:
    milter = f"unix:{context.path(places.MILTER)}"
    comment = "looked at while the sender waits"
    yield Parameter("smtpd_milters", milter, comment)
    yield Parameter("non_smtpd_milters", milter, "and what local programs send")
    yield Parameter("milter_default_action", context.settings.form(Options).failing)
    yield Parameter("milter_protocol", "6")
    yield Parameter("milter_connect_timeout", "10s")
    yield Parameter("milter_command_timeout", "30s")
    yield Parameter("milter_content_timeout", f"{limits.CONTENT_SECONDS}s")
