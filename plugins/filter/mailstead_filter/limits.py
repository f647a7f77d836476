"""How much is looked at, and for how long: each one waits longer than the one it asks.

clamd answers or fails, then Rspamd decides, then Postfix hears of it.
"""

from __future__ import annotations

RELEASED_SECONDS = 86400  # for which what was released is known again
MIB = 1 << 20
LARGEST = 256 * MIB  # bytes of a message
SCAN_SIZE = 512 * MIB  # bytes clamd looks at, archives unpacked
CLAMD_SECONDS = 60
TASK_SECONDS = 90
MILTER_SECONDS = 120
CONTENT_SECONDS = 180
