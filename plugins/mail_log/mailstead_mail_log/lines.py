"""The lines that Postfix and Dovecot write, taken apart: maillog_file in postconf(5).

A line that is nothing to us gives None; no line, whatever is in it, raises anything.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import attrs

LONGEST = 16_384  # characters of a line that are looked at
_ADDRESS = ".{0,512}?"  # its quoted local part may hold anything, ">" too: RFC 5321 4.1.2
_HEAD = re.compile(r"(?P<stamp>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<rest>.*)", re.DOTALL)
_POSTFIX = re.compile(r"\S+ (?P<program>postfix[\w./-]*)\[\d+\]: (?P<text>.*)", re.DOTALL)
_QUEUED = re.compile(r"(?P<id>[0-9A-Za-z]{6,20}): (?P<text>.*)", re.DOTALL)
_CLIENT = re.compile(
    r"client=(?P<name>[^\[]*)\[(?P<ip>[^\]]*)\](?::\d+)?"
    r"(?:, orig_queue_id=(?P<parent>\w+))?"
    r"(?:.*?, sasl_method=\S+?)?(?:, sasl_username=(?P<login>[^,]*))?"
)
_FROM = re.compile(rf"from=<(?P<sender>{_ADDRESS})>, size=(?P<size>\d+)")
_PICKUP = re.compile(rf"uid=\d+ from=<(?P<sender>{_ADDRESS})>(?: orig_id=(?P<old>\w+))?$")
_FORWARDED = re.compile(r"forwarded as (?P<id>\w+)")
_EXPIRED = re.compile(rf"from=<{_ADDRESS}>, status=(?:force-)?expired, returned to sender")
_MESSAGE_ID = re.compile(r"(?:resent-)?message-id=(?P<id>.*)", re.DOTALL)
_DELIVERY = re.compile(
    rf"to=<(?P<recipient>{_ADDRESS})>, (?:orig_to=<(?P<orig>{_ADDRESS})>, )?"
    r"relay=(?P<relay>[^,]*), (?:conn_use=\d+, )?delay=[^,]*, delays=[^,]*, dsn=(?P<dsn>[\d.]+), "
    r"status=(?P<status>[\w-]+) \((?P<text>.*)\)\s*$",
    re.DOTALL,
)
_REJECT = re.compile(
    r"(?:milter-)?reject: (?P<stage>\S+) from (?P<name>[^\[]*)\[(?P<ip>[^\]]*)\](?::\d+)?: "
    r"(?P<text>(?P<code>\d{3}).*?)(?:; from=<(?P<sender>[^>]*)>)?(?: to=<(?P<recipient>[^>]*)>)?"
    r"(?:,? proto=\S+)?(?: helo=.*)?$",
    re.DOTALL,
)
_NOTICE = re.compile(r"(?:sender|postmaster) (?:non-)?deliver\S* .*notification: (?P<id>\w+)")
_TOO_LARGE = re.compile(r"warning: (?P<id>\w+): (?:queue file|message) size limit exceeded")
_WRONG = re.compile(
    r"auth(?:-worker)?\(.*\bsql\((?P<account>[^,()]*),(?P<ip>[0-9a-fA-F.:]+)(?:,<[^>]*>)?\): "
    r"(?P<reason>Password mismatch|unknown user)"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@attrs.frozen
class Line:
    """A line of Postfix about a message, or about one it did not take (no queue id)."""

    at: float
    program: str
    queue_id: str
    text: str


@attrs.frozen
class WrongLogin:
    """A login with a wrong name or password, on any protocol: Dovecot knows them all."""

    at: float
    account: str
    client: str
    reason: str


def postfix_line(text: str, now: float) -> Line | None:
    """Take a line of mail.log apart; ``now`` tells the year, which the line does not."""
    head = _HEAD.match(text[:LONGEST])
    found = _POSTFIX.match(head["rest"]) if head else None
    at = _moment(head["stamp"], now) if head and found else None
    if found is None or at is None:
        return None
    if found["text"].startswith("NOQUEUE: "):
        return Line(at, found["program"], "", found["text"].removeprefix("NOQUEUE: "))
    queued = _TOO_LARGE.match(found["text"]) or _QUEUED.match(found["text"])
    if queued is None:
        return None
    rest = queued.groupdict().get("text")
    return Line(at, found["program"], queued["id"], found["text"] if rest is None else rest)


def wrong_login(text: str, now: float) -> WrongLogin | None:
    """Take a line of dovecot.log apart."""
    head = _HEAD.match(text[:LONGEST])
    found = _WRONG.match(head["rest"]) if head else None
    at = _moment(head["stamp"], now) if head and found else None
    if found is None or at is None:
        return None
    return WrongLogin(at, found["account"], found["ip"], found["reason"].lower())


def client_of(text: str) -> re.Match[str] | None:
    """Match where a message came from."""
    return _CLIENT.match(text)


def sender_of(text: str) -> re.Match[str] | None:
    """Match sender and size, as the queue manager takes a message up."""
    return _FROM.match(text)


def local_sender_of(text: str) -> re.Match[str] | None:
    """Match the sender of a message that a local program sent, or that was requeued.

    ``old`` is the queue id that a requeued one had before: pickup(8), postsuper(1).
    """
    return _PICKUP.match(text)


def message_id_of(text: str) -> str | None:
    """Give the Message-ID without its brackets."""
    found = _MESSAGE_ID.match(text)
    return found["id"].strip().strip("<>") if found else None


def delivery_of(text: str) -> re.Match[str] | None:
    """Match what became of one recipient."""
    return _DELIVERY.match(text)


def forwarded_as(text: str) -> str:
    """Give the queue id under which local(8) sent a message on by its aliases; or nothing."""
    found = _FORWARDED.fullmatch(text)
    return found["id"] if found else ""


def end_of(line: Line) -> str:
    """Give how a message ended for all who had not got it yet; empty for other lines.

    An admin deleted it: postsuper(1). It waited too long: qmgr(8), `maximal_queue_lifetime`.
    """
    if line.program == "postfix/postsuper" and line.text == "removed":
        return "deleted"
    return "expired" if _EXPIRED.match(line.text) else ""


def reject_of(text: str) -> re.Match[str] | None:
    """Match what was not taken."""
    return _REJECT.match(text)


def notice_of(text: str) -> str | None:
    """Give the queue id of the message that tells the sender."""
    found = _NOTICE.match(text)
    return found["id"] if found else None


def _moment(stamp: str, now: float) -> float | None:
    """Give a moment in the machine's time zone: the latest that is not after tomorrow."""
    month, day, clock = stamp[:3], stamp[4:6], stamp[7:]
    if month not in _MONTHS:
        return None
    tomorrow = datetime.fromtimestamp(now, UTC).astimezone() + timedelta(days=1)
    hour, minute, second = (int(part) for part in clock.split(":"))
    for year in (tomorrow.year, tomorrow.year - 1):
        try:
            found = datetime(
                year, _MONTHS.index(month) + 1, int(day), hour, minute, min(second, 59)
            ).astimezone()
        except (ValueError, OverflowError):
            continue
        if found <= tomorrow:
            return found.timestamp()
    return None
