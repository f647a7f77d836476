"""The rule that members of one object never overlap, over IPv4 and IPv6."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mailstead.plugin import Problem, types

if TYPE_CHECKING:
    from mailstead_network.settings import Members


def refuse_overlap(record: Any, settings: Any) -> Iterator[Problem]:
    """Give a problem for each other member of the object that shares an address."""
    for other in settings.rows(type(record), record.object):
        if other.name != record.name and _overlap(record.address, other.address):
            yield _problem(record, other)


def _overlap(one: str, other: str) -> bool:
    version, first, last = types.address_span(one)
    other_version, other_first, other_last = types.address_span(other)
    return version == other_version and first <= other_last and other_first <= last


def _problem(record: Members, other: Members) -> Problem:
    return Problem(
        where=f"network.members[{record.object}/{record.name}].address",
        problem=f"{record.address} overlaps with the member {other.name} ({other.address})",
        hint="give each address to one member only",
    )
