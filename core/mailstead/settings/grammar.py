"""The contract of a field type, and the few checks that all grammars share."""

from __future__ import annotations

import re
import reprlib
from typing import Any, Protocol, runtime_checkable

QUOTED_LENGTH = 80
# C0, DEL, C1, line and paragraph separators, bidirectional overrides, lone surrogates: none of
# them can be seen, and each can make one line of a configuration file look like another.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
INTEGER = re.compile(r"(-?)0*([0-9]+)")
LONGEST_INTEGER = 20  # digits, with which a number is outside of all bounds
SMALLEST_INTEGER = -(2**63)
LARGEST_INTEGER = 2**63 - 1


@runtime_checkable
class FieldType(Protocol):
    """A grammar: which values a field takes and how they are written.

    Attributes:
        name: what the value is called, such as "domain name".
        accepts: what a person may write, in words.
        secret: the value is never shown.
    """

    @property
    def name(self) -> str:
        """Give what the value is called."""

    @property
    def accepts(self) -> str:
        """Say in words what is accepted."""

    @property
    def secret(self) -> bool:
        """Tell whether the value must never be shown."""

    def parse(self, raw: object) -> Any:
        """Turn what a person or file gave into the canonical value. Raises ValueError."""

    def dump(self, value: Any) -> Any:
        """Turn a value into what JSON and TOML can hold; ``parse`` takes it back."""


def quoted(raw: object) -> str:
    """Quote a value for a message: on one line, escaped, and not too long."""
    text = repr(raw[:QUOTED_LENGTH]) if isinstance(raw, str) else reprlib.repr(raw)
    cut = isinstance(raw, str) and len(raw) > QUOTED_LENGTH
    return f"{text[: QUOTED_LENGTH - 3]}..." if cut or len(text) > QUOTED_LENGTH else text


def refusal(raw: object, name: str, because: str = "") -> ValueError:
    """Make the error for a value outside its grammar."""
    article = "an" if name[0] in "aeiouAEIO" else "a"
    reason = f": {because}" if because else ""
    return ValueError(f"{quoted(raw)} is not {article} {name}{reason}")


def line_of(raw: object, name: str, *, maximum: int) -> str:
    """Give a value as one line of printable text, or raise ValueError."""
    if not isinstance(raw, str):
        raise refusal(raw, name, "it is not text")
    if len(raw) > maximum:
        raise refusal(raw, name, f"it is longer than {maximum} characters")
    if found := UNPRINTABLE.search(raw):
        raise refusal(raw, name, f"it contains the character U+{ord(found[0]):04X}")
    return raw


def integer_of(raw: object, name: str, *, minimum: int, maximum: int) -> int:
    """Give a value as an integer within bounds, or raise ValueError."""
    found = INTEGER.fullmatch(raw) if isinstance(raw, str) else None
    if found is not None:
        value = int(found[1] + found[2][:LONGEST_INTEGER])
    elif isinstance(raw, int) and not isinstance(raw, bool):
        value = raw
    else:
        raise refusal(raw, name)
    if not minimum <= value <= maximum:
        raise outside(raw, value < minimum, f"it must be from {minimum} to {maximum}")
    return value


def outside(raw: object, is_small: bool, bounds: str) -> ValueError:
    """Make the error for a number outside of its bounds."""
    return ValueError(f"{quoted(raw)} is too {'small' if is_small else 'large'}: {bounds}")
