"""Pages of accounts and aliases: by an index, and restricted to a domain or to a text."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa


def page_of(table: sa.Table, domain: str, after: str) -> sa.ColumnElement[bool]:
    """Choose what comes after an address, of one domain or of all; see `order_of`.

    With a domain, only what is before the @ of ``after`` counts.
    """
    if not domain:
        return table.c.address > after
    # By local part, for which there is an index by domain: a small domain among many is not
    # looked for in all addresses.
    return sa.and_(table.c.domain == domain, table.c.local > after.partition("@")[0])


def order_of(table: sa.Table, domain: str) -> tuple[sa.ColumnElement[str], ...]:
    """Give what a page is in order of."""
    return (table.c.domain, table.c.local) if domain else (table.c.address,)


def holds(columns: Iterable[sa.ColumnElement[str]], text: str) -> sa.ColumnElement[bool]:
    """Choose rows that hold a text in a column; addresses and names are kept in lower case."""
    return sa.or_(*(column.contains(text.lower(), autoescape=True) for column in columns))
