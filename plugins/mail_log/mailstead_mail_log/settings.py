"""What an admin can set about the mail log."""

from __future__ import annotations

from typing import Annotated

from mailstead.plugin import field, form, types


@form(title="Mail log")
class Options:
    """How long the table remembers."""

    days: Annotated[int, types.integer(1, 3650)] = field(
        default=90, help="days after which what became of a message is forgotten"
    )
