"""What a whole draft must obey."""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Context, Problem
from mailstead_mail_smtp import tls
from mailstead_mail_smtp.postfix import filters, identity, limits, relay, smarthost
from mailstead_mail_smtp.settings import DomainAliases, Domains
from mailstead_network.names import find_fqdn

LONGEST_SOCKET = 107  # bytes: unix(7)
LONGEST_NAME = "/var/spool/postfix/private/dovecot-lmtp"


def problems(context: Context) -> Iterator[Problem]:
    """Give all problems."""
    yield from _domain_is_host(context)
    yield from _prefix(context)
    for part in (identity, relay, limits, smarthost, filters, tls):
        yield from part.problems(context)


def _domain_is_host(context: Context) -> Iterator[Problem]:
    name = find_fqdn(context)
    for table, section in ((Domains, "domains"), (DomainAliases, "domain_aliases")):
        if context.settings.row(table, name) is not None:
            problem = "a mail domain cannot be the name of this server itself"
            hint = "name the server something else in network.host, such as mail." + name
            yield Problem(f"mail_smtp.{section}[{name}].name", problem, hint)


def _prefix(context: Context) -> Iterator[Problem]:
    prefix = str(context.instance.prefix)
    if any(not (char.isalnum() or char in "/._-+@") for char in prefix) or not prefix.isascii():
        problem = f"{prefix} holds a character that Postfix or Dovecot would not take in a path"
        yield Problem("instance", problem, "make the instance in another folder")
    if len(str(context.path(LONGEST_NAME)).encode()) > LONGEST_SOCKET:
        yield Problem("instance", f"{prefix} is too long for a socket", "choose a shorter folder")
