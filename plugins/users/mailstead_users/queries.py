"""Find users and groups by name, and page through them."""

from __future__ import annotations

from typing import Any

import attrs
from sqlalchemy import Connection, Row, Select, Table, or_, select

from mailstead.plugin import InvalidValue, NotFound
from mailstead_users import tables

PAGE = 100
LARGEST_PAGE = 10_000
PUBLIC = tuple(column for column in tables.users.c if column.name != "password")
# The character after z in ASCII: a name with a prefix is below the prefix and this.
PAST_NAMES = "{"


@attrs.frozen
class Page:
    """Which part of a list is asked for, in order of name.

    Attributes:
        after: the last name of the page before.
        prefix: how names begin; found by the index.
        containing: a part of a name or comment; every entry is looked at.
    """

    after: str = ""
    limit: int = PAGE
    prefix: str = ""
    containing: str = ""


def row_of(connection: Connection, chosen: Select[Any], kind: str, name: str) -> Row[Any]:
    """Give the only row of a selection. Raises NotFound."""
    row = connection.execute(chosen).one_or_none()
    if row is None:
        hint = f"see `mailstead {kind} list`"
        raise NotFound(f"there is no {kind} {name!r}", where=f"{kind}.name", hint=hint)
    return row


def page_of(
    chosen: Select[Any], table: Table, page: Page, searched: tuple[str, ...]
) -> Select[Any]:
    """Restrict a selection to a page. Raises InvalidValue."""
    if not 1 <= page.limit <= LARGEST_PAGE:
        raise InvalidValue(f"is not from 1 to {LARGEST_PAGE}", where="page.limit")
    name = table.c.name
    if page.after:
        chosen = chosen.where(name > page.after.lower())
    if page.prefix:
        start = page.prefix.lower()
        chosen = chosen.where(name >= start, name < start + PAST_NAMES)
    if page.containing:
        chosen = chosen.where(_contains(table, searched, page.containing))
    return chosen.order_by(name).limit(page.limit)


def select_users() -> Select[Any]:
    """Select users without their passwords."""
    return select(*PUBLIC)


def _contains(table: Table, columns: tuple[str, ...], text: str) -> Any:
    found = (table.c[column].icontains(text, autoescape=True) for column in columns)
    return or_(*found)
