"""Values from people, each refused with the field's name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mailstead.plugin import InvalidValue, types

# Of what cannot be printed a text on several lines may hold tabs and line ends alone.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def checked(grammar: types.FieldType, raw: object, where: str) -> Any:
    """Give the canonical form of a value. Raises InvalidValue."""
    return parsed(grammar.parse, raw, where)


def parsed(parse: Callable[[Any], Any], raw: object, where: str) -> Any:
    """Give what a function makes of a value. Raises InvalidValue for its ValueError."""
    try:
        return parse(raw)
    except ValueError as error:
        raise InvalidValue(str(error), where=where) from None


def text_of(raw: str, most: int, where: str, *, lines: bool = True, empty: bool = False) -> str:
    """Give a text, with line ends as in files; otherwise unchanged. Raises InvalidValue."""
    text = raw.replace("\r\n", "\n")
    if len(text) > most:
        raise InvalidValue(f"it is longer than {most} characters", where=where)
    if not text.strip() and not (empty and not text):
        raise InvalidValue("it is empty", where=where)
    found = _CONTROL.search(text) or (None if lines else re.search("[\n\t]", text))
    if found:
        raise InvalidValue(f"it contains the character U+{ord(found[0]):04X}", where=where)
    return text
