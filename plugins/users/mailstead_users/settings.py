"""What an admin can set about users; users themselves are immediate data, not settings."""

from __future__ import annotations

from mailstead.plugin import Annotated, field, form, types


@form(title="Password policy", name="password_policy")
class PasswordPolicy:
    """Hold for passwords that are set from now on; those that are set already stay valid."""

    minimum_length: Annotated[int, types.integer(4, 128)] = field(
        default=8, help="shortest password that may be set", unit="characters"
    )
