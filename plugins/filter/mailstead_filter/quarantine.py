"""Mail that the filter keeps back: it is on hold in Postfix's queue, with a header that says why.

Only what carries that header is in quarantine; what an admin put on hold is not. The filter
takes such a header off all mail that comes, so that nobody else can set it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

import attrs

from mailstead.plugin import InvalidValue, Machine, NotFound, Path
from mailstead_mail_smtp.queue.actions import Action, change_messages, flush, retry
from mailstead_mail_smtp.queue.content import Content, read_content
from mailstead_mail_smtp.queue.filters import Filter
from mailstead_mail_smtp.queue.ids import is_id
from mailstead_mail_smtp.queue.listing import read_queue
from mailstead_mail_smtp.queue.messages import Message

MARK = re.compile(r"X-Mailstead-Filter: quarantine; class=([a-z]+); (.*)")
FEW = 20  # messages that are tried one by one; of more, the whole queue is tried
KINDS = ("spam", "virus", "attachment")


@attrs.frozen
class Held:
    """A message in quarantine; ``kind`` is one of `KINDS`, ``reason`` the filter's words."""

    message: Message
    kind: str
    reason: str


def list_held(
    machine: Machine, config: Path, *, wanted: Filter | None = None, kind: str = ""
) -> tuple[Held, ...]:
    """Give what is in quarantine, oldest first. Raises MachineError."""
    found = (_held(machine, config, item) for item in on_hold(machine, config, wanted))
    return tuple(item for item in found if item is not None and kind in ("", item.kind))


def read_held(machine: Machine, config: Path, queue_id: str) -> Content:
    """Give a message as it was sent. Raises InvalidValue, NotFound, MachineError."""
    require_held(machine, config, (queue_id,))
    return read_content(machine, config, queue_id)


def change_held(machine: Machine, config: Path, action: Action, ids: Sequence[str]) -> int:
    """Release or delete messages of the quarantine, and no others; gives how many.

    Raises InvalidValue, NotFound for one that is not in quarantine, MachineError.
    """
    ids = require_held(machine, config, ids)
    done = change_messages(machine, config, action, ids) if ids else 0
    if action == "release" and done:
        _deliver(machine, config, ids)
    return done


def require_held(machine: Machine, config: Path, ids: Sequence[str]) -> tuple[str, ...]:
    """See that each id is in quarantine. Raises InvalidValue, NotFound, MachineError."""
    ids = _ids(ids)
    held = {item.id: item for item in on_hold(machine, config)}
    for queue_id in ids:
        message = held.get(queue_id)
        if message is None or _held(machine, config, message) is None:
            hint = "see `mailstead quarantine list`; what you held yourself is in `mailstead queue`"
            raise NotFound("it is not in quarantine", where=f"queue id {queue_id}", hint=hint)
    return ids


def _ids(words: Sequence[str]) -> tuple[str, ...]:
    for word in words:
        if not is_id(word):
            hint = "see `mailstead quarantine list` for ids"
            raise InvalidValue(f"{word!r} is not a queue id", where="quarantine.id", hint=hint)
    return tuple(dict.fromkeys(words))


def on_hold(machine: Machine, config: Path, wanted: Filter | None = None) -> Iterator[Message]:
    """Give what is on hold, whoever held it. Raises MachineError."""
    wanted = attrs.evolve(wanted or Filter(), queue="hold")
    with read_queue(machine, config) as listing:
        found = {item.id: item for item in listing.messages if wanted.meets(item)}
    yield from (found[name] for name in sorted(found))  # long ids are in order of arrival


def _deliver(machine: Machine, config: Path, ids: Sequence[str]) -> None:
    """Let Postfix deliver what was released now: by itself it waits for its next round."""
    if len(ids) > FEW:
        flush(machine, config)
        return
    for queue_id in ids:
        with suppress(NotFound):  # Postfix was quicker
            retry(machine, config, (queue_id,))


def _held(machine: Machine, config: Path, message: Message) -> Held | None:
    try:
        content = read_content(machine, config, message.id, headers=True)
    except NotFound:  # released or deleted meanwhile
        return None
    found = next(filter(None, map(MARK.fullmatch, content.lines)), None)
    return Held(message, found[1], found[2]) if found else None
