"""What an admin can set about users."""

from __future__ import annotations

from typing import Annotated

from mailstead.plugin import field, form, types


@form(title="Passwords")
class PasswordPolicy:
    """What a password must be."""

    minimum_length: Annotated[int, types.integer(4, 128)] = field(
        default=8, help="shortest password that is accepted", unit="characters"
    )
