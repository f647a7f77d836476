"""What a restriction says, and the words Postfix would answer with."""

from __future__ import annotations

from typing import Literal

import attrs

Word = Literal["permit", "reject", "next", "unknown"]


@attrs.frozen
class Outcome:
    """What a restriction says of a message.

    Attributes:
        word: ``permit`` ends its list, ``reject`` the matter, ``next`` leaves it to the others;
            ``unknown`` cannot be foretold.
        reply: for a rejection, code and text as the client would read them.
        why: in words.
        behind: the setting or map that decided.
    """

    word: Word
    why: str = ""
    reply: str = ""
    behind: str = ""


NEXT = Outcome("next")


def permit(why: str, behind: str = "") -> Outcome:
    """Let it pass this list."""
    return Outcome("permit", why, behind=behind)


def reject(reply: str, why: str, behind: str = "") -> Outcome:
    """Refuse it, or put it off when the code begins with 4."""
    return Outcome("reject", why, reply, behind)


def unknown(why: str, behind: str = "") -> Outcome:
    """Say that it cannot be foretold."""
    return Outcome("unknown", why, behind=behind)
