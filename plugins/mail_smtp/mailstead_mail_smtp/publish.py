"""What Save publishes for Postfix to look up."""

from __future__ import annotations

from mailstead.plugin import Publication
from mailstead_mail_smtp.places import LOOKUP_DATABASE
from mailstead_mail_smtp.settings import Domains


def publications() -> tuple[Publication, ...]:
    """Give the mail domains' names."""
    return (Publication(Domains, LOOKUP_DATABASE, "domains", ("name",), _row),)


def _row(row: Domains) -> dict[str, str | int | None]:
    return {"name": row.name}
