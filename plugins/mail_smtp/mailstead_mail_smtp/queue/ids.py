"""Names of queue files, short and long: `enable_long_queue_ids` in postconf(5).

A short one is microseconds and inode in upper-case hexadecimal; a long one is seconds,
microseconds and inode in 52 characters without vowels, ``z`` before the inode. Neither can be
an option or the word ALL.
"""

from __future__ import annotations

import re

from mailstead.plugin import InvalidValue

SHORT = re.compile(r"[0-9A-F]{6,24}")
LONG = re.compile(
    r"[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,20}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]{1,20}"
)


def is_id(text: str) -> bool:
    """Tell whether a word can be the name of a queue file."""
    return bool(SHORT.fullmatch(text) or LONG.fullmatch(text))


def check_ids(words: tuple[str, ...]) -> tuple[str, ...]:
    """Give the ids, each once. Raises InvalidValue."""
    for word in words:
        if not is_id(word):
            hint = "see `mailstead queue list` for ids; all messages are --all"
            raise InvalidValue(f"{word!r} is not a queue id", where="queue.id", hint=hint)
    return tuple(dict.fromkeys(words))
