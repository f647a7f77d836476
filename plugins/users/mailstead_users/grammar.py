"""The grammars of what is entered about users and groups, with the field in the error."""

from __future__ import annotations

from typing import Any

from mailstead.plugin import InvalidValue, types

RESERVED = frozenset({"root"})
NAME = types.text(
    64,
    r"[a-z0-9][a-z0-9._-]*",
    "1 to 64 letters a-z, digits, dots, dashes and underscores; a letter or digit first",
)
PERSON = types.text(100)
COMMENT = types.text(255)
ADDRESS = types.field_type_of(types.MailAddress)
HOME = types.text(
    512,
    r"[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*",
    "a folder below the one for mail, such as example.org/ada-1f2e3d4c",
)


def parse_name(raw: str, where: str) -> str:
    """Give the canonical name of a user or group: lower-case. Raises InvalidValue."""
    name = str(parse(NAME, canonical(raw), where))
    if name in RESERVED:
        raise InvalidValue(f"{name!r} is reserved", where=where, hint="choose another name")
    return name


def canonical(name: str) -> str:
    """Give a name as it is stored. Only ASCII is lowered: lower() makes a k of a Kelvin sign."""
    return name.lower() if name.isascii() else name


def parse(grammar: types.FieldType, raw: object, where: str) -> Any:
    """Read a value. Raises InvalidValue with the field it is for."""
    try:
        return grammar.parse(raw)
    except ValueError as error:
        hint = "" if "expected" in str(error) else f"accepted: {grammar.accepts}"
        raise InvalidValue(str(error), where=where, hint=hint) from None
