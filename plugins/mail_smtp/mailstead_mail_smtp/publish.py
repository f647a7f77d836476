"""What Save publishes for Postfix to look up."""

from __future__ import annotations

from mailstead.plugin import Publication
from mailstead_mail_smtp.places import LOOKUP_DATABASE
from mailstead_mail_smtp.postfix.daemon import DAEMON
from mailstead_mail_smtp.settings import DomainAliases, Domains

Row = dict[str, str | int | None]


def publications() -> tuple[Publication, ...]:
    """Give the mail domains and their aliases.

    An smtpd(8) remembers of what kind the domain of each address was that it was asked for, until
    it ends (max_use, max_idle): one that refused an address would go on refusing it.
    """
    return (
        Publication(Domains, LOOKUP_DATABASE, "domains", ("name",), _domain, reloads=DAEMON),
        Publication(
            DomainAliases, LOOKUP_DATABASE, "domain_aliases", ("name",), _alias, reloads=DAEMON
        ),
    )


def _domain(row: Domains) -> Row:
    return {
        "name": row.name, "catch_all": row.catch_all, "default_mailbox": row.default_mailbox
    }  # fmt: skip


def _alias(row: DomainAliases) -> Row:
    return {"name": row.name, "domain": row.domain}
