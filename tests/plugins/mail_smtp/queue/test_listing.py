"""Reading a queue of any size."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs
import pytest

from mailstead.machine.fake import FakeMachine
from mailstead.plugin import CommandFailed, Completed, MachineError, Path
from mailstead_mail_smtp.queue.filters import Filter
from mailstead_mail_smtp.queue.listing import count_messages, find_ids, list_messages
from tests.plugins.mail_smtp.queue.test_messages import LINE

CONFIG = Path("/etc/postfix")
DOWN = "postqueue: warning: Mail system is down -- accessing queue directly"


@attrs.frozen
class Many:
    """The lines of a large queue, made while they are read, the last first."""

    number: int
    complaints: str = ""

    def __iter__(self) -> Iterator[str]:
        for number in range(self.number, 0, -1):
            yield LINE.replace("4jZ9Hg56wZzJLgn", id_of(number))


class LargeQueue(FakeMachine):
    """A machine with a large queue."""

    @contextmanager
    def run_lines(
        self,
        argv: Sequence[str],  # noqa: ARG002 - the machine's
        *,
        timeout: float = 60.0,  # noqa: ARG002
        longest: int = 1 << 20,  # noqa: ARG002
    ) -> Iterator[Many]:
        """Give its lines."""
        yield Many(100_000)


def id_of(number: int) -> str:
    """Give a queue id in order of number."""
    return f"4{number:09d}zJ"


def machine_with(*ids: str, complaints: str = "") -> FakeMachine:
    """Give a machine with these messages."""
    machine = FakeMachine()
    text = "".join(LINE.replace("4jZ9Hg56wZzJLgn", queue_id) + "\n" for queue_id in ids)
    machine.on_command(["postqueue"], Completed(0, text, complaints))
    return machine


def test_a_hundred_thousand_messages_are_listed_in_bounded_memory() -> None:
    """Only the page is kept."""
    tracemalloc.start()
    try:
        page = list_messages(LargeQueue(), CONFIG, Filter(), after=id_of(50), limit=100)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [item.id for item in page.messages] == [id_of(number) for number in range(51, 151)]
    assert page.total == 100_000
    assert peak < 2 << 20


def test_a_page_begins_after_an_id_that_is_gone() -> None:
    """It was delivered meanwhile, perhaps."""
    machine = machine_with(id_of(3), id_of(1), id_of(4))
    page = list_messages(machine, CONFIG, Filter(), after=id_of(2), limit=1)
    assert [item.id for item in page.messages] == [id_of(3)]


def test_a_message_seen_twice_is_listed_once() -> None:
    """It went from one queue to the next while they were read."""
    machine = machine_with(id_of(1), id_of(1))
    assert len(list_messages(machine, CONFIG, Filter()).messages) == 1
    assert find_ids(machine, CONFIG, Filter()) == (id_of(1),)


def test_counts_are_by_queue() -> None:
    """With size and the oldest."""
    counts, is_stopped = count_messages(machine_with(id_of(1), id_of(2)), CONFIG)
    assert (counts["deferred"].messages, counts["deferred"].size) == (2, 706)
    assert counts["deferred"].oldest == 1795589311.0
    assert not is_stopped


def test_a_stopped_postfix_is_noticed() -> None:
    """The superuser reads the queue all the same."""
    machine = machine_with(id_of(1), complaints=DOWN)
    assert list_messages(machine, CONFIG, Filter()).is_stopped


def test_a_failure_is_no_empty_queue() -> None:
    """Whoever may not read the queue is told so."""
    machine = FakeMachine()
    machine.on_command(["postqueue"], Completed(69, "", "fatal: Queue report unavailable"))
    with pytest.raises(CommandFailed, match="Queue report unavailable"):
        list_messages(machine, CONFIG, Filter())


def test_a_line_that_is_no_message_is_an_error() -> None:
    """Nothing is passed over in silence."""
    machine = FakeMachine()
    machine.on_command(["postqueue"], Completed(0, "what?\n", ""))
    with pytest.raises(MachineError, match="what"):
        find_ids(machine, CONFIG, Filter())
