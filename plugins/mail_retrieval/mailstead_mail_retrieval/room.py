"""Mailboxes that are far from full, about which Postfix need not ask.

The service quota-status reads its settings anew for each question, which costs as much as taking
the message. So Postfix looks first whether a mailbox is known to have room. Dovecot tells when
one is half full (``quota_warning``), and a job finds out every night which ones have room again.
Should that go wrong, a message too many is refused at delivery and its sender told by a bounce.
https://doc.dovecot.org/2.3/configuration_manual/quota/
"""

from __future__ import annotations

from mailstead.plugin import Context
from mailstead_mail_retrieval.settings import Mailboxes
from mailstead_mail_retrieval.usage import Usage
from mailstead_mail_smtp.settings import Options

LARGE = 100 << 20  # bytes, where messages have no limit: a larger one may be refused late
HALF = 50  # percent: Dovecot tells when a mailbox holds more
ASK = "ask_quota_status"


def terms(context: Context) -> str:
    """Give the settings on which it depends whether a mailbox has room."""
    size = context.settings.form(Mailboxes).size or 0
    return f"{size} {largest_message(context)}"


def largest_message(context: Context) -> int:
    """Give the size of the largest message that counts, in bytes."""
    return context.settings.form(Options).message_size or LARGE


def query(context: Context) -> str:
    """Give the query for an access(5) table: ask, unless the mailbox is known to take mail."""
    known = f"SELECT 1 FROM roomy WHERE address = '%u@%d' AND terms = '{terms(context)}'"  # noqa: S608 - numbers
    return f"SELECT CASE WHEN EXISTS ({known}) THEN 'OK' ELSE '{ASK}' END"


def has_room(usage: Usage, largest: int) -> bool:
    """Tell whether a mailbox can take any message for now, and Dovecot will tell when not."""
    if not usage.limit:
        return True
    half = usage.limit * HALF // 100
    return usage.size <= half and largest <= half
