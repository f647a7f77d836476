"""What is in a message that waits: postcat(1) prints it, in part if it is large."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from mailstead.plugin import CommandFailed, Machine, MailsteadError, NotFound, Path
from mailstead_mail_smtp.queue.ids import check_ids

MOST = 1 << 20  # characters shown
TOGETHER = 500  # messages that are looked for by one command
HELD = re.compile(r"\*\*\* ENVELOPE RECORDS hold/(\w+) \*\*\*")
MISSING = re.compile(r"open queue file (\S+): No such file")


@attrs.frozen
class Content:
    """Header and body of a message; ``is_cut`` when there is more."""

    lines: tuple[str, ...]
    is_cut: bool


def read_content(
    machine: Machine, config: Path, queue_id: str, *, headers: bool = False, most: int = MOST
) -> Content:
    """Read a message, or its header alone. Raises InvalidValue, NotFound, MachineError.

    The text is as it was sent, undecoded; whoever shows it makes control characters visible.
    """
    (queue_id,) = check_ids((queue_id,))
    argv = ("postcat", "-c", str(config), "-hq" if headers else "-hbq", queue_id)
    found: list[str] = []
    left = most
    try:
        with machine.run_lines(argv, longest=most) as lines:
            for line in lines:
                if len(line) >= left:
                    return Content((*found, line[:left]), is_cut=True)
                found.append(line)
                left -= len(line) + 1
    except CommandFailed as error:
        raise _failure(error) from error
    return Content(tuple(found), is_cut=False)


def require_messages(machine: Machine, config: Path, ids: Sequence[str]) -> tuple[str, ...]:
    """See that each id is in the queue. Raises NotFound for the first that is not.

    Gives those that are on hold.
    """
    held: list[str] = []
    for begin in range(0, len(ids), TOGETHER):
        argv = ("postcat", "-c", str(config), "-eq", *ids[begin : begin + TOGETHER])
        try:
            with machine.run_lines(argv) as lines:
                # An envelope may be large: it is read, and thrown away.
                held += (found[1] for line in lines if (found := HELD.fullmatch(line)))
        except CommandFailed as error:
            raise _failure(error) from error
    return tuple(held)


def _failure(error: CommandFailed) -> MailsteadError:
    found = MISSING.search(error.output)
    if found is None:
        return error
    hint = "it was delivered, returned or deleted; see `mailstead queue list`"
    return NotFound("no such message", where=f"queue id {found[1]}", hint=hint)
