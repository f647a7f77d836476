"""The record of a save: which steps were about to be taken, so that they can be undone.

This one lives in memory and undoes a save that fails. Its place is where a journal that
survives the process will stand: it is told of each step before the step is taken, and of
the end; the steps are data.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from mailstead.transaction.steps import Step


class Journal(Protocol):
    """What a save tells its journal."""

    def prepared(self, plan_id: str) -> None:
        """Record that everything that can be tried was tried, and that writing begins."""

    def about_to(self, step: Step) -> None:
        """Record a step before it is taken."""

    def taken(self) -> tuple[Step, ...]:
        """Give the recorded steps, last first: the order of undoing."""

    def ended(self, outcome: str) -> None:
        """Record the end of the save."""


@attrs.define
class MemoryJournal:
    """A journal for the lifetime of one save in one process."""

    _steps: list[Step] = attrs.field(factory=list)
    _events: list[str] = attrs.field(factory=list)

    def prepared(self, plan_id: str) -> None:
        """Record the beginning."""
        self._events.append(plan_id)

    def about_to(self, step: Step) -> None:
        """Record a step."""
        self._steps.append(step)

    def taken(self) -> tuple[Step, ...]:
        """Give the steps, last first."""
        return tuple(reversed(self._steps))

    def ended(self, outcome: str) -> None:
        """Record the end."""
        self._events.append(outcome)
