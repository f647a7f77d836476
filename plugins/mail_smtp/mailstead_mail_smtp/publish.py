"""What Save publishes for Postfix to look up."""

from __future__ import annotations

from mailstead.plugin import Publication
from mailstead_mail_smtp.places import LOOKUP_DATABASE
from mailstead_mail_smtp.settings import DomainAliases, Domains

Row = dict[str, str | int | None]


def publications() -> tuple[Publication, ...]:
    """Give the mail domains and their aliases."""
    return (
        Publication(Domains, LOOKUP_DATABASE, "domains", ("name",), _domain),
        Publication(DomainAliases, LOOKUP_DATABASE, "domain_aliases", ("name",), _alias),
    )


def _domain(row: Domains) -> Row:
    return {
        "name": row.name, "catch_all": row.catch_all, "default_mailbox": row.default_mailbox
    }  # fmt: skip


def _alias(row: DomainAliases) -> Row:
    return {"name": row.name, "domain": row.domain}
