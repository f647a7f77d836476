"""A message in the queue, as a line of ``postqueue -j`` tells it: JSON OBJECT FORMAT there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs

from mailstead.plugin import MachineError

NAMES = ("active", "deferred", "hold", "incoming", "maildrop")
NULL_SENDER = "MAILER-DAEMON"  # showq(8) writes it where there is none
_NEXT = '}, {"address": '  # between recipients; inside a string its quotes would be escaped


@attrs.frozen
class Recipient:
    """One who has not got the message yet; ``reason`` is that of the last attempt, or empty."""

    address: str
    reason: str


@attrs.frozen
class Message:
    """A message in the queue.

    Attributes:
        id: its queue id.
        queue: one of `NAMES`.
        size: of header and body, in bytes.
        arrived: seconds since the epoch.
        sender: envelope sender; `NULL_SENDER` where it is empty.
        recipients: who has not got it yet.
        is_cut: there are more recipients than were read.
    """

    id: str
    queue: str
    size: int
    arrived: float
    sender: str
    recipients: tuple[Recipient, ...]
    is_cut: bool = False


def parse_line(line: str) -> Message:
    """Read a line; of one that was cut, the recipients before the cut. Raises MachineError."""
    try:
        return _message(json.loads(line), is_cut=False)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        whole, found, _ = line.rpartition(_NEXT)
        if found and not line.endswith("}"):
            return _parse_cut(whole)
        raise _unreadable(line) from error


def _parse_cut(line: str) -> Message:
    try:
        return _message(json.loads(line + "}]}"), is_cut=True)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _unreadable(line) from error


def _message(data: Any, *, is_cut: bool) -> Message:
    return Message(
        id=_text(data["queue_id"]),
        queue=_text(data["queue_name"]),
        size=int(data["message_size"]),
        arrived=float(data["arrival_time"]),
        sender=_text(data["sender"]),
        recipients=tuple(_recipients(data["recipients"])),
        is_cut=is_cut,
    )


def _recipients(found: Any) -> Iterator[Recipient]:
    for item in found:
        yield Recipient(_text(item["address"]), _text(item.get("delay_reason", "")))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _unreadable(line: str) -> MachineError:
    return MachineError(
        f"prints a line that is not a message: {line[:80]!r}",
        where="postqueue -j",
        hint="run it yourself, with -c and the folder of main.cf",
    )
