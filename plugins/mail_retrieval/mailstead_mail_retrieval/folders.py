"""Names of folders as an admin writes them.

Without what doveadm-search-query(7) takes for a pattern, and not INBOX: what lies there is not
what somebody threw away. And without what Dovecot refuses: a folder is a directory whose name has
dots between its parts, in the UTF-7 of IMAP (RFC 3501 section 5.1.3) behind one more dot.
"""

from __future__ import annotations

import re

import attrs

from mailstead.plugin import types

LONGEST = 254  # bytes in UTF-7
_FORBIDDEN = r"\x00-\x1f\x7f*%?~\"\\."
_LINE = types.text(
    100,
    rf"(?!(?i:inbox)(/|$))(?!.*//)[^{_FORBIDDEN}/\s-]([^{_FORBIDDEN}]*[^{_FORBIDDEN}/\s])?",
    "the name of a folder other than INBOX, without . * % ? ~ \\ and quotes, and no - first",
)
_WIDE = re.compile(r"[^\x00-\x7f]+")


@attrs.frozen
class _Folder:
    """A line that Dovecot takes as the name of a folder."""

    name: str = _LINE.name
    accepts: str = _LINE.accepts
    secret: bool = False

    def parse(self, raw: object) -> str:
        """Read a name. Raises ValueError."""
        folder = str(_LINE.parse(raw))
        if _bytes_of(folder) > LONGEST:
            raise ValueError(
                "it is too long for the name of a folder: letters beyond ASCII take more"
            )
        return folder

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value


FOLDER: types.FieldType = _Folder()


def _bytes_of(folder: str) -> int:
    """Count what a name takes in IMAP's UTF-7: ``&``, base64 of UTF-16 and ``-`` for wide ones."""
    narrow = sum(2 if char == "&" else 1 for char in folder if char.isascii())
    wide = (len(part.encode("utf-16-be")) for part in _WIDE.findall(folder))
    return narrow + sum(2 + -(-size * 4 // 3) for size in wide)
