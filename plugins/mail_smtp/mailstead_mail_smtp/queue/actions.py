"""What can be done with messages that wait: postsuper(1) and postqueue(1).

``retry`` lets Postfix try at once what it would try later. ``requeue`` lets pickup(8) and
cleanup(8) take the message in again, under another id: domains, transports and the filter are those
of now. Its recipients are those in the queue file, to which aliases had led when it came; they are
looked up again, but the address that was written to is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from mailstead.plugin import Completed, Machine, MachineError, Path
from mailstead_mail_smtp.queue.content import require_messages
from mailstead_mail_smtp.queue.ids import check_ids

Action = Literal["delete", "hold", "release", "requeue"]
OPTIONS: dict[Action, str] = {"delete": "-d", "hold": "-h", "release": "-H", "requeue": "-r"}
# Without names postsuper leaves maildrop alone, where mail waits while Postfix is stopped.
QUEUES: dict[Action, tuple[str, ...]] = {
    "delete": ("hold", "incoming", "active", "deferred", "maildrop")
}
COUNTED = re.compile(
    r"^postsuper: (?:Deleted|Placed on hold|Released from hold|Requeued): ([0-9]+) messages?$",
    re.MULTILINE,
)
NAMED = re.compile(r"^postsuper: (\w+): (?:removed|placed on hold|released|requeued)", re.MULTILINE)
NO_LOG = "open logfile"
PATIENCE = 600.0  # seconds
TOGETHER = 5000  # messages given to one command, which prints a line for each
DOWN = "mail system is down"


def change_messages(machine: Machine, config: Path, action: Action, ids: Sequence[str]) -> int:
    """Do something with messages, and give with how many it was done.

    Those that are gone, or in no state for it (to release one that is not held), are passed
    over. Raises InvalidValue, MachineError.
    """
    ids = check_ids(tuple(ids))
    together = (ids[begin : begin + TOGETHER] for begin in range(0, len(ids), TOGETHER))
    return sum(_postsuper(machine, config, action, some) for some in together)


def retry(machine: Machine, config: Path, ids: Sequence[str]) -> tuple[str, ...]:
    """Let Postfix try deferred messages at once. Raises InvalidValue, NotFound, MachineError.

    Gives those that it does not try, since they are on hold.
    """
    ids = check_ids(tuple(ids))
    held = require_messages(machine, config, ids)
    for queue_id in ids:
        _postqueue(machine, ("postqueue", "-c", str(config), "-i", queue_id))
    return held


def flush(machine: Machine, config: Path) -> None:
    """Let Postfix try all messages at once but those on hold. Raises MachineError."""
    _postqueue(machine, ("postqueue", "-c", str(config), "-f"))


def _postsuper(machine: Machine, config: Path, action: Action, ids: Sequence[str]) -> int:
    argv = ("postsuper", "-c", str(config), OPTIONS[action], "-", *QUEUES.get(action, ()))
    changed = 0
    while ids:
        done = machine.run(argv, timeout=PATIENCE, stdin="".join(f"{word}\n" for word in ids))
        counted = COUNTED.search(done.stderr)
        if counted:
            return changed + int(counted[1])
        # Stopped, Postfix writes no log for it, and it ends after each message: not its own file.
        named = NAMED.findall(done.stderr)
        if NO_LOG not in done.stderr or not named:
            raise _failed(argv, done)
        changed += len(named)
        ids = ids[ids.index(named[-1]) + 1 :]
    return changed


def _postqueue(machine: Machine, argv: tuple[str, ...]) -> None:
    done = machine.run(argv)
    if DOWN in done.stderr:
        hint = "run `mailstead start mail_smtp`; stopped, it delivers nothing"
        raise MachineError("Postfix is stopped", where="queue", hint=hint)
    if done.status:
        raise _failed(argv, done)


def _failed(argv: tuple[str, ...], done: Completed) -> MachineError:
    return MachineError(done.output or f"exit status {done.status}", where=" ".join(argv))
