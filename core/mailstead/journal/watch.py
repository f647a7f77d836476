"""Watch a save that must be confirmed, from a process of its own that outlives the saving one.

Nothing depends on it alone: any command undoes what has expired before it does anything else,
and so does the next boot.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import attrs

from mailstead.errors import Locked, MachineError
from mailstead.instance import Instance
from mailstead.journal.recover import Recovered, Recovery
from mailstead.machine.base import Machine

PAUSE = 1.0  # seconds between two looks at the journal


def start_guard(machine: Machine, instance: Instance, number: int) -> None:
    """Start the watch over a save. Raises MachineError when it cannot be started."""
    own = (sys.executable, "-m", "mailstead.cli", "--instance", str(instance.prefix))
    argv = (*own, "recover", "--watch", str(number))
    if instance.is_sandbox or not machine.has_systemd():
        machine.detach(argv, log=instance.path("/var/log/mailstead-confirm.log"))
        return
    unit = (f"--unit=mailstead-confirm-{number}", "--collect", "--quiet", "--no-ask-password",
            "--property=Restart=on-failure")  # fmt: skip
    done = machine.run(["systemd-run", *unit, "--", *argv])
    if done.status != 0:
        raise MachineError(f"the watch cannot be started: {done.output}", where="systemd-run")


@attrs.frozen
class Guard:
    """The watch itself; ``lock`` is taken only when something is due."""

    machine: Machine
    instance: Instance
    recovery: Recovery

    def watch(self, number: int) -> Recovered | None:
        """Wait until a save is confirmed or ended; undo it when its time is over.

        A save whose process was killed is undone at once: its lock is free then.
        """
        journal = self.recovery.journal
        while journal is not None:
            record = journal.unfinished()
            if record is None or record.id != number or record.phase == "needs operator":
                return None
            if record.phase == "prepared" or self.recovery.has_expired(record):
                with suppress(Locked), self.machine.lock(self.instance.state_path("lock")):
                    found = self.recovery.run()
                    if found is not None:
                        return found
            self.machine.sleep(PAUSE)
        return None
