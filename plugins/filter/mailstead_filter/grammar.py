"""What may stand in lists, scores and names of kinds of files.

An entry of a list is no regular expression: ``*`` stands for any characters, twice at most, so
that to compare takes no longer than the address is long, squared.
"""

from __future__ import annotations

from mailstead.plugin import types

_LOCAL = r"[a-z0-9._+~!%&'^?-]"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_LABEL_WITH_STARS = _LABEL.replace("0-9", "0-9*")
_FEW_STARS = r"(?!(.*\*){3})"

# What is good has a score about 0: from there on nearly all mail would be marked or refused.
SCORE = types.text(
    6,
    r"(?![0.]*$)[0-9]{1,3}(\.[0-9]{1,2})?",
    "a number above 0, up to 999.99, such as 6 or 7.5",
)
GOOD_SCORE = types.text(
    6,
    r"-[0-9]{1,2}(\.[0-9]{1,2})?",
    "a number from 0 down to -99.99 with its minus, such as -5",
)
PATTERN = types.text(
    254,
    rf"{_FEW_STARS}({_LOCAL}|\*){{0,64}}@{_LABEL_WITH_STARS}(\.{_LABEL_WITH_STARS})*",
    "an address, @domain, or either with up to two * for any characters, in small letters",
)
PLACE = types.text(
    254,
    rf"{_LOCAL}{{0,64}}@{_LABEL}(\.{_LABEL})*",
    "an address or @domain, in small letters",
)
EXTENSION = types.text(
    16, r"[a-z0-9_]{1,16}", "an extension in small letters, without the dot, such as exe"
)
MIME_TYPE = types.text(
    100, r"[a-z0-9.+-]{1,50}/([a-z0-9.+-]{1,49}|\*)", "a MIME type such as video/mp4 or video/*"
)


def score(text: str) -> float:
    """Give a score's number."""
    return float(text)
