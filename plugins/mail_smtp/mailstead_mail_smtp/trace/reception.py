"""Whether smtpd(8) takes a message: its lists of restrictions, in the order they are asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from mailstead.plugin import Path
from mailstead_mail_smtp.trace.answers import NEXT, Outcome, reject
from mailstead_mail_smtp.trace.live import Live, LookupFailed
from mailstead_mail_smtp.trace.restrictions import (
    ACCESS,
    TABLE,
    Asked,
    lookup_failed,
    restrictions_named,
    take_access,
    unlisted_recipient,
    unlisted_sender,
)

# All wait for RCPT (smtpd_delay_reject), where Postfix asks them in this order.
LISTS = (
    "smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions",
    "smtpd_relay_restrictions", "smtpd_recipient_restrictions",
)  # fmt: skip
ENDS = ("permit", "reject")
WITH_TABLE = (*ACCESS, "check_helo_access")


@attrs.frozen
class Said:
    """What one restriction of a list says; those that say nothing are left out."""

    setting: str
    restriction: str
    outcome: Outcome


def ask_all(asked: Asked) -> Iterator[Said]:
    """Give what is said, up to a rejection."""
    try:
        for said in _ask_all(asked):
            yield said
            if said.outcome.word == "reject":
                return
    except LookupFailed as error:
        yield Said(error.where, "", lookup_failed(error, asked.recipient))


def refuses_size(live: Live, size: int) -> Outcome:
    """Tell whether a message is too large: RFC 1870."""
    limit = int(live.value("message_size_limit") or 0)
    if not limit or size <= limit:
        return NEXT
    reply = "552 5.3.4 Message size exceeds fixed limit"
    return reject(reply, f"{size} bytes are more than {limit}", "message_size_limit")


def lacks_space(live: Live) -> Outcome:
    """Tell whether the queue's disk is too full for any message: `queue_minfree`."""
    half_again = int(live.value("message_size_limit") or 0) * 3 // 2
    needed = max(int(live.value("queue_minfree") or 0), half_again)
    free = live.machine.free_space(Path(live.value("queue_directory"))) if needed else 0
    if free >= needed:
        return NEXT
    reply = "452 4.3.1 Insufficient system storage"
    return reject(reply, f"the queue's disk has {free} bytes free, not {needed}", "queue_directory")


def _ask_all(asked: Asked) -> Iterator[Said]:
    for setting in LISTS:
        yield from _ask_list(asked, setting, asked.live.words(setting))
        if setting == "smtpd_sender_restrictions":
            yield from _implied(asked, "smtpd_reject_unlisted_sender", unlisted_sender(asked))
    yield from _implied(asked, "smtpd_reject_unlisted_recipient", unlisted_recipient(asked))


def _implied(asked: Asked, setting: str, outcome: Outcome) -> Iterator[Said]:
    if asked.live.is_on(setting) and outcome.word != "next":
        yield Said(setting, "yes", outcome)


def _ask_list(asked: Asked, setting: str, restrictions: Sequence[str]) -> Iterator[Said]:
    words = iter(restrictions)
    for word in words:
        table = next(words, "") if word.startswith("check_") else ""
        where, named = restrictions_named(asked, word, table)
        if named:
            found = tuple(_ask_list(asked, where, named))
            yield from found
            if found and found[-1].outcome.word in ENDS:
                return
            continue
        outcome = _ask(asked, word, table)
        if outcome.word != "next":
            yield Said(setting, f"{word} {table}".strip(), outcome)
        if outcome.word in ENDS:
            return


def _ask(asked: Asked, word: str, table: str) -> Outcome:
    if word in WITH_TABLE:
        return take_access(asked, word, table)
    restriction = TABLE.get(word)
    return restriction(asked) if restriction else asked.foretell(f"{word} {table}".strip())
