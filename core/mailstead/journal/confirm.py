"""Confirm a save, or let it be undone: for changes that may lock out whoever makes them.

The save is committed and serves; unless somebody who is allowed to confirms it over another
connection, in time by the boot clock and within the same boot, it is undone by the journal.
"""

from __future__ import annotations

import attrs

from mailstead.errors import NotFound, Unconfirmed
from mailstead.journal.journal import Journal
from mailstead.journal.records import Record, Wait
from mailstead.journal.recover import Recovered, Recovery
from mailstead.settings.cells import Actor


@attrs.frozen
class Confirmation:
    """What can become of a save that waits to be confirmed. The lock is held."""

    journal: Journal
    recovery: Recovery

    def confirm(self, actor: Actor, session: str) -> Record:
        """Confirm it. Raises NotFound, Unconfirmed with the reason."""
        record, wait = self._waiting()
        self._refuse_late(record)
        if actor.name not in wait.allowed:
            hint = f"these may: {', '.join(wait.allowed)}"
            raise Unconfirmed(f"{actor.name} may not confirm it", where=_name(record), hint=hint)
        if session == wait.session:
            hint = "log in once more and confirm there: that proves you can still come in"
            problem = "it must be confirmed over another connection than it was saved over"
            raise Unconfirmed(problem, where=_name(record), hint=hint)
        self.journal.confirmed(record, actor, self.recovery.machine.now())
        return record

    def revert(self, actor: Actor) -> Recovered:
        """Undo it now. Raises NotFound."""
        record, _ = self._waiting()
        reason = f"{actor.name} took it back"
        self.journal.taken_back(record.id, reason)
        return self.recovery.undo(record, reason)

    def _refuse_late(self, record: Record) -> None:
        if self.recovery.has_expired(record):
            self.recovery.run()
            hint = "its changes are in the draft: save again"
            raise Unconfirmed("too late: it was undone", where=_name(record), hint=hint)

    def _waiting(self) -> tuple[Record, Wait]:
        record = self.journal.unfinished()
        if record is None or record.phase != "confirming" or record.wait is None:
            raise NotFound("no save waits to be confirmed", hint="see `mailstead history`")
        return record, record.wait


def _name(record: Record) -> str:
    return f"revision {record.revision}"
