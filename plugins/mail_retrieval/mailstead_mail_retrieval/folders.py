"""Names of folders as an admin writes them.

Without what doveadm-search-query(7) takes for a pattern, and not INBOX: what lies there is not
what somebody threw away.
"""

from __future__ import annotations

from mailstead.plugin import types

_FORBIDDEN = r"\x00-\x1f\x7f*%?~\"\\"
FOLDER = types.text(
    100,
    rf"(?!(?i:inbox)(/|$))(?!.*//)(?!.*\.\.)[^{_FORBIDDEN}/\s-]([^{_FORBIDDEN}]*[^{_FORBIDDEN}/\s])?",
    "the name of a folder other than INBOX, without * % ? ~ \\ quotes and .., and no - first",
)
