"""What was released of late: a file by which policy.lua knows it again when a rule forwards it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailstead.plugin import Context, Machine
from mailstead_filter.limits import RELEASED_SECONDS
from mailstead_filter.places import RELEASED


def remember_released(context: Context, machine: Machine, ids: Sequence[str]) -> None:
    """Write down that messages are released now, and forget what is old. Raises MachineError."""
    path, now = context.path(RELEASED), int(machine.now())
    try:
        text = machine.read_file(path).decode()
    except FileNotFoundError:
        text = ""
    lines = [*_recent(text, now), *(f"{now} {queue_id}" for queue_id in ids)]
    content = "".join(f"{line}\n" for line in lines).encode()
    machine.replace_file(path, content, mode=0o644, uid=0, gid=0)


def _recent(text: str, now: int) -> Iterator[str]:
    for line in text.splitlines():
        at, _, queue_id = line.partition(" ")
        if at.isdigit() and queue_id and now - int(at) < RELEASED_SECONDS:
            yield line
