"""Plain values: switches, numbers, text, choices, sizes, durations, paths, references."""

from __future__ import annotations

import re
import unicodedata
from typing import ClassVar

import attrs

from mailstead.settings.grammar import (
    LARGEST_INTEGER,
    LONGEST_INTEGER,
    SMALLEST_INTEGER,
    integer_of,
    line_of,
    outside,
    quoted,
    refusal,
)

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
AMOUNT = re.compile(r"(-?)0*([0-9]+)([A-Za-z]?)")
SIZE_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
DURATION_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_NAME = 64
LONGEST_PATH = 4095
LONGEST_KEY = 2048


@attrs.frozen
class Switch:
    """True or false."""

    WORDS: ClassVar[dict[str, bool]] = {
        "true": True, "yes": True, "on": True, "false": False, "no": False, "off": False,
    }  # fmt: skip
    name: str = "switch"
    accepts: str = "true or false (also yes/no, on/off)"
    secret: bool = False

    def parse(self, raw: object) -> bool:
        """Read a switch."""
        value = self.WORDS.get(raw.lower()) if isinstance(raw, str) else raw
        if not isinstance(value, bool):
            raise refusal(raw, self.name)
        return value

    def dump(self, value: bool) -> bool:
        """Give it as JSON holds it."""
        return value


@attrs.frozen
class Integer:
    """A whole number within bounds."""

    minimum: int = SMALLEST_INTEGER
    maximum: int = LARGEST_INTEGER
    name: str = "whole number"
    secret: bool = False

    @property
    def accepts(self) -> str:
        """Say in words what is accepted."""
        if self.minimum == SMALLEST_INTEGER and self.maximum == LARGEST_INTEGER:
            return "a whole number"
        return f"a whole number from {self.minimum} to {self.maximum}"

    def parse(self, raw: object) -> int:
        """Read a whole number."""
        return integer_of(raw, self.name, minimum=self.minimum, maximum=self.maximum)

    def dump(self, value: int) -> int:
        """Give it as JSON holds it."""
        return value


@attrs.frozen
class Line:
    """One line of text, in Unicode's composed form; ``words`` say what ``pattern`` means."""

    maximum: int = 255
    pattern: str = ""
    words: str = ""
    name: str = "line of text"
    secret: bool = False

    @property
    def accepts(self) -> str:
        """Say in words what is accepted."""
        return self.words or f"one line of at most {self.maximum} characters"

    def parse(self, raw: object) -> str:
        """Read a line. Composing may lengthen it, so its length is looked at twice."""
        text = unicodedata.normalize("NFC", line_of(raw, self.name, maximum=self.maximum))
        if len(text) > self.maximum:
            raise refusal(raw, self.name, f"it is longer than {self.maximum} characters")
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise ValueError(f"{quoted(raw)} is not accepted: expected {self.accepts}")
        return text

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value


@attrs.frozen
class Identifier:
    """A short name for a row; lower-case, so that twins in case are one."""

    name: str = "name"
    accepts: str = "a name of at most 64 letters a-z, digits, dots, dashes and underscores"
    secret: bool = False

    def parse(self, raw: object) -> str:
        """Read a name."""
        text = line_of(raw, self.name, maximum=LONGEST_NAME)
        if not text.isascii() or not NAME.fullmatch(text.lower()):
            raise refusal(raw, self.name)
        return text.lower()

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value


@attrs.frozen
class Choice:
    """One of a few words."""

    choices: tuple[str, ...]
    name: str = "choice"
    secret: bool = False

    @property
    def accepts(self) -> str:
        """Say in words what is accepted."""
        return f"one of {', '.join(self.choices)}"

    def parse(self, raw: object) -> str:
        """Read one of the words."""
        if not isinstance(raw, str) or raw not in self.choices:
            raise refusal(raw, self.name, f"expected {self.accepts}")
        return raw

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value


@attrs.frozen
class Amount:
    """A number with a unit: bytes with binary multiples, or seconds."""

    name: str
    accepts: str
    units: tuple[tuple[str, int], ...]
    secret: bool = False

    def parse(self, raw: object) -> int:
        """Read an amount in its smallest unit."""
        if isinstance(raw, str):
            value = self._from_text(raw)
        elif isinstance(raw, int) and not isinstance(raw, bool):
            value = raw
        else:
            raise refusal(raw, self.name)
        if not 0 <= value <= LARGEST_INTEGER:
            bound = "at least 0" if value < 0 else f"at most {LARGEST_INTEGER}"
            raise outside(raw, value < 0, f"it must be {bound}")
        return value

    def _from_text(self, raw: str) -> int:
        found = AMOUNT.fullmatch(raw)
        factor = dict(self.units).get(found[3]) if found else None
        if found is None or factor is None:
            raise refusal(raw, self.name, f"expected {self.accepts}")
        return int(found[1] + found[2][:LONGEST_INTEGER]) * factor

    def dump(self, value: int) -> int:
        """Give it as JSON holds it."""
        return value


def size() -> Amount:
    """Make the grammar of sizes."""
    lower = {unit.lower(): factor for unit, factor in SIZE_UNITS.items()}
    units = tuple((SIZE_UNITS | lower).items())
    return Amount("size", "a number of bytes such as 512K, 10M or 1G", units)


def duration() -> Amount:
    """Make the grammar of durations."""
    units = tuple(DURATION_UNITS.items())
    return Amount("duration", "a number of seconds, or such as 10s, 5m, 2h or 3d", units)


@attrs.frozen
class AbsolutePath:
    """An absolute path without ``..``, doubled slashes and single dots removed."""

    name: str = "file path"
    accepts: str = "an absolute path such as /srv/mail"
    secret: bool = False

    def parse(self, raw: object) -> str:
        """Read a path."""
        text = line_of(raw, self.name, maximum=LONGEST_PATH)
        if not text.startswith("/"):
            raise refusal(raw, self.name, "it must begin with /")
        parts = [part for part in text.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise refusal(raw, self.name, "it must not contain ..")
        return "/" + "/".join(parts)

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value


@attrs.frozen
class Reference:
    """The key of a row in another table, ``target`` being ``module.section``."""

    target: str
    name: str = "reference"
    secret: bool = False

    @property
    def accepts(self) -> str:
        """Say in words what is accepted."""
        return f"the key of a row of {self.target}"

    def parse(self, raw: object) -> str:
        """Read a key text; only an Editor can tell whether the row exists."""
        text = line_of(raw, self.name, maximum=LONGEST_KEY)
        if not text:
            raise refusal(raw, self.name, f"expected {self.accepts}")
        return text

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value
