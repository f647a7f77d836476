"""What an admin can set about external accounts; the accounts themselves are immediate data."""

from __future__ import annotations

from typing import Annotated

from mailstead.plugin import field, form, types


@form(title="External accounts")
class Options:
    """How often mail is fetched, and whose certificates are trusted."""

    period: Annotated[int, types.integer(1, 1440)] = field(
        default=3, help="each account is polled this often", unit="minutes"
    )
    ca: types.FilePath | None = field(
        default=None,
        help="PEM file of further authorities that sign servers' certificates; "
        "Fetchmail's user must be able to read it",
    )
