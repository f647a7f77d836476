"""Reading the whole queue, message by message: postqueue(1) prints it, showq(8) reads it.

Nothing is kept but what is asked for, however many messages there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from heapq import nsmallest

import attrs

from mailstead.plugin import Machine, Path
from mailstead_mail_smtp.queue.filters import Filter
from mailstead_mail_smtp.queue.messages import Message, parse_line

LONGEST = 16 << 20  # bytes of a line: about a hundred thousand recipients with reasons
PATIENCE = 600.0  # seconds
DOWN = "Mail system is down"


@attrs.define
class Listing:
    """A queue that is being read; ``is_stopped`` holds once something was read."""

    messages: Iterator[Message]
    is_stopped: bool = False


@attrs.frozen
class Page:
    """Some of the messages that were meant, in order of id, and how many there are in all."""

    messages: tuple[Message, ...]
    total: int
    is_stopped: bool


@attrs.define
class Count:
    """What is in one queue; sizes in bytes, ``oldest`` in seconds since the epoch."""

    messages: int = 0
    size: int = 0
    oldest: float | None = None

    def add(self, message: Message) -> None:
        """Count a message."""
        self.messages += 1
        self.size += message.size
        oldest = message.arrived if self.oldest is None else self.oldest
        self.oldest = min(oldest, message.arrived)


@contextmanager
def read_queue(machine: Machine, config: Path) -> Iterator[Listing]:
    """Give the messages as they are read. Raises MachineError.

    A message on its way from one queue to the next may come twice, or not at all.
    """
    argv = ("postqueue", "-c", str(config), "-j")
    with machine.run_lines(argv, timeout=PATIENCE, longest=LONGEST) as lines:
        listing = Listing(iter(()))

        def messages() -> Iterator[Message]:
            for line in lines:
                yield parse_line(line)
            listing.is_stopped = DOWN in lines.complaints

        listing.messages = messages()
        yield listing


def list_messages(
    machine: Machine, config: Path, wanted: Filter, *, after: str = "", limit: int = 100
) -> Page:
    """Give a page of the messages that are meant. Raises MachineError.

    Long ids are in order of arrival. The page begins after an id, there or not any more.
    """
    total = 0

    def later() -> Iterator[Message]:
        nonlocal total
        for message in listing.messages:
            if wanted.meets(message):
                total += 1
                if message.id > after:
                    yield message

    with read_queue(machine, config) as listing:
        found = nsmallest(limit, later(), key=lambda message: message.id)
    once = {message.id: message for message in found}
    return Page(tuple(once.values()), total, listing.is_stopped)


def find_ids(machine: Machine, config: Path, wanted: Filter) -> tuple[str, ...]:
    """Give the ids of all messages that are meant. Raises MachineError."""
    with read_queue(machine, config) as listing:
        found = dict.fromkeys(item.id for item in listing.messages if wanted.meets(item))
    return tuple(found)


def count_messages(machine: Machine, config: Path) -> tuple[dict[str, Count], bool]:
    """Count each queue; the second is whether Postfix is stopped. Raises MachineError."""
    counts: dict[str, Count] = {}
    with read_queue(machine, config) as listing:
        for message in listing.messages:
            counts.setdefault(message.queue, Count()).add(message)
    return counts, listing.is_stopped
