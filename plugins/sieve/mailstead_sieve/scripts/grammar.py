"""Names and texts of scripts: RFC 5804 section 1.6, narrower where a name is made here."""

from __future__ import annotations

import re

from mailstead.plugin import InvalidValue, types

NAME = types.text(
    100,
    r"(?![-.\s])[^/\\\"'*?%;]*[^/\\\"'*?%;\s]",
    "a name without / \\ * ? % ; and quotes that begins with neither - nor .",
)
WHERE_NAME, WHERE_TEXT = "script.name", "script.text"
# Pigeonhole cuts a text at a NUL; the other control characters are in no script a person wrote.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def parse_name(name: str) -> str:
    """Give a name for a script that is made here. Raises InvalidValue."""
    try:
        return str(NAME.parse(name))
    except ValueError as error:
        raise InvalidValue(str(error), where=WHERE_NAME) from None


def parse_text(text: str, most: int) -> str:
    """Give a script's text if it is one, of at most so many bytes. Raises InvalidValue."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidValue(
            "it is not UTF-8", where=WHERE_TEXT, hint="RFC 5228 section 2.1"
        ) from None
    if size > most:
        hint = "the limit is sieve.limits.script"
        raise InvalidValue(f"{size} bytes are more than {most}", where=WHERE_TEXT, hint=hint)
    if found := _CONTROL.search(text):
        problem = f"it contains the character U+{ord(found[0]):04X}"
        raise InvalidValue(problem, where=WHERE_TEXT, hint="a script is plain text")
    return text
