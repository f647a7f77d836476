"""Mail that would go round in a circle: an account that leads back to this server.

At entry an account is refused whose server is this one, as far as its name or address tells. What
that cannot tell (another name of ours, two accounts that lead to each other, mail that is sent
back to where it came from) ends at the gate: each message is marked with the account that brings
it, and one that has the account's mark already stays where it is.

Nobody can make a mark up, but whoever gets such a message, forwarded by its owner or by a rule,
can copy it: so what stays, however much, keeps nothing else from being fetched.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from mailstead.plugin import Context, InvalidValue, StaysThere
from mailstead_fetchmail.grammar import WHERE
from mailstead_fetchmail.words import CIRCLE
from mailstead_mail_retrieval.ports import listens
from mailstead_mail_smtp.postfix.sockets import is_one_of

HEADER = "X-Mailstead-Fetched"
_LENGTH = 32  # hexadecimal digits of a mark


def refuse_ourselves(context: Context, server: str, port: int) -> None:
    """Refuse an account at this server. Raises InvalidValue."""
    if is_one_of(context, listens(context), server, port):
        hint = "let an alias or a rule bring mail from one mailbox here to another"
        problem = f"{server} is this server itself, so mail would go round in a circle"
        raise InvalidValue(problem, where=f"{WHERE}.server", hint=hint)


def mark_of(key: bytes, number: int) -> bytes:
    """Give the line that marks what an account brings; nobody else can make it up."""
    made = hmac.digest(key, f"external account {number}".encode(), "sha256").hex()
    return f"{HEADER}: {made[:_LENGTH]}".encode()


def refusing(mark: bytes, is_known: Callable[[bytes], bool] | None) -> Callable[[bytes], bool]:
    """Give a function for the gate that leaves there what is marked, and asks ``is_known`` else.

    What it gives raises StaysThere for a marked message, and what ``is_known`` raises.
    """

    def is_known_or_marked(header: bytes) -> bool:
        if mark in header.partition(b"\r\n\r\n")[0].split(b"\r\n"):
            raise StaysThere(CIRCLE)
        return is_known is not None and is_known(header)

    return is_known_or_marked
