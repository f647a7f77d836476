"""What this mail server is called, and who answers for it: `myhostname`, `myorigin`.

The greeting and EHLO carry the host name, which other servers look up in the DNS; the mailname is
only the domain of what local programs send.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Context, InvalidValue, Problem
from mailstead_mail_smtp.addresses.grammar import parse_target
from mailstead_mail_smtp.addresses.rules import address_here
from mailstead_mail_smtp.hookspecs import Parameter
from mailstead_mail_smtp.settings import DomainAliases, Domains, Options
from mailstead_network.names import find_fqdn, fqdn

POSTMASTER = "mail_smtp.options.postmaster"
LIKE_POSTMASTER = ("abuse", "hostmaster", "mailer-daemon")  # in aliases(5); RFC 2142


def mailname(context: Context) -> str:
    """Give the domain of mail from local programs. Raises PlanError when there is none."""
    return context.settings.form(Options).mailname or fqdn(context)


def postmaster(context: Context) -> str:
    """Give the address that answers for this server and its domains; local unless one is named."""
    return context.settings.form(Options).postmaster or f"postmaster@{fqdn(context)}"


def our_postmaster(context: Context) -> str:
    """Give the admin's postmaster as the directory would have it; empty when it is elsewhere."""
    return address_here(context.settings, context.settings.form(Options).postmaster or "")


def mydestination(context: Context) -> tuple[str, ...]:
    """Give the names of this server whose mail local(8) delivers, without localhost."""
    return tuple(dict.fromkeys((fqdn(context), mailname(context))))


def own_names(context: Context) -> tuple[str, ...]:
    """Give the names that nobody else may greet us with, as main.cf has them."""
    other = mailname(context)
    return ("$myhostname",) if other == fqdn(context) else ("$myhostname", other)


def identity(context: Context) -> Iterator[Parameter]:
    """Give the names of this server."""
    name = mailname(context)
    is_host = name == fqdn(context)
    yield Parameter("myhostname", fqdn(context))
    yield Parameter("myorigin", "$myhostname" if is_host else name)
    own = "$myhostname, localhost" if is_host else "$myhostname, $myorigin, localhost"
    yield Parameter("mydestination", own)
    yield Parameter("smtpd_banner", "$myhostname ESMTP")


def problems(context: Context) -> Iterator[Problem]:
    """Give problems with mailname and postmaster."""
    options = context.settings.form(Options)
    name = options.mailname
    if name and name != find_fqdn(context) and _is_managed(context, name):
        problem = f"{name} is a mail domain, whose mail goes to its accounts"
        hint = "give a name of its own, such as the host name, or unset it"
        yield Problem("mail_smtp.options.mailname", problem, hint)
    if options.postmaster:
        try:
            # It stands in aliases(5), where some beginnings mean a program or a file.
            parse_target(options.postmaster, POSTMASTER)
        except InvalidValue as error:
            yield Problem(POSTMASTER, error.problem, error.hint)
        if _is_alias_here(context, options.postmaster):
            problem = f"mail for {options.postmaster} goes to the postmaster: in a circle"
            hint = "give an account or an address elsewhere, or unset it: then it goes to root"
            yield Problem(POSTMASTER, problem, hint)


def _is_alias_here(context: Context, address: str) -> bool:
    local, _, domain = address.lower().rpartition("@")
    is_here = domain in (find_fqdn(context), context.settings.form(Options).mailname, "localhost")
    return is_here and local.partition("+")[0] in ("postmaster", *LIKE_POSTMASTER)


def _is_managed(context: Context, name: str) -> bool:
    rows = (context.settings.row(table, name) for table in (Domains, DomainAliases))
    return any(row is not None for row in rows)
