"""Take turns: one works on an instance at a time, and who has to wait is told for whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from mailstead.errors import Locked
from mailstead.instance import Instance
from mailstead.journal.journal import Journal
from mailstead.journal.records import Record
from mailstead.machine.base import Machine
from mailstead.moment import words_of


@contextmanager
def turn(machine: Machine, instance: Instance, journal: Journal) -> Iterator[None]:
    """Hold the lock. Raises Locked, naming who saves, since when and what."""
    with ExitStack() as stack:
        try:
            stack.enter_context(machine.lock(instance.state_path("lock")))
        except Locked as error:
            raise _told(error, journal.unfinished()) from error
        yield


def _told(error: Locked, record: Record | None) -> Locked:
    """Tell what the holder does; while it still plans only its process is known."""
    if record is None or record.phase != "prepared":
        return error
    who, since = record.actor, words_of(record.at)
    problem = f"{who.name} ({who.origin}) saves since {since}: plan {record.plan}{_step(record)}"
    saving = {"who": who.name, "origin": who.origin, "since": record.at, "plan": record.plan}
    details = {"saving": {**saving, "base": record.base}}
    return Locked(
        f"{problem}; {error.problem}", where=error.where, hint=error.hint, details=details
    )


def _step(record: Record) -> str:
    begun = [str(taken.step) for taken in record.steps if taken.begun]
    return f", step {len(begun)} of {len(record.steps)} ({begun[-1]})" if begun else ""
