"""Check what a person enters for users and groups."""

from __future__ import annotations

import re

from mailstead.plugin import InvalidValue, types

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
RESERVED = frozenset({"root"})
TEXTS = ("first_name", "last_name", "comment")


def name_of(raw: str, where: str) -> str:
    """Give a user's or group's name in its one form. Raises InvalidValue."""
    name = raw.lower()
    if not raw.isascii() or not NAME.fullmatch(name):
        hint = "accepted: small letters, digits, '.', '_' and '-', not first; at most 64"
        raise InvalidValue(f"{raw[:80]!r} is not a name", where=where, hint=hint)
    if name in RESERVED:
        raise InvalidValue(f"{name} is reserved", where=where, hint="choose another name")
    return name


def text_of(raw: str, where: str) -> str:
    """Give one line of text. Raises InvalidValue."""
    kind = types.field_type_of(types.Text)
    try:
        parsed: str = kind.parse(raw)
    except ValueError as error:
        raise InvalidValue(str(error), where=where, hint=f"accepted: {kind.accepts}") from None
    return parsed
