"""What a save tells while it runs: phase, message, how far. One form for bar and web page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs

Phase = Literal[
    "validate", "install", "render", "check", "prepare", "write", "act", "probe", "commit", "undo"
]


@attrs.frozen
class Event:
    """One step of a save; ``done`` of ``total`` steps are finished when it is sent."""

    phase: Phase
    message: str
    done: int
    total: int


Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""


@attrs.define
class Progress:
    """Counts steps and tells a listener. The total only ever grows."""

    listener: Listener = ignore
    total: int = 0
    done: int = 0

    def expect(self, steps: int) -> None:
        """Add steps to come."""
        self.total += steps

    def step(self, phase: Phase, message: str) -> None:
        """Say what is being done now, the steps before it being finished."""
        self._tell(phase, message)
        self.done += 1
        self.total = max(self.total, self.done)

    def finish(self, phase: Phase, message: str) -> None:
        """Say that all is done."""
        self.done = self.total
        self._tell(phase, message)

    def _tell(self, phase: Phase, message: str) -> None:
        """Tell the listener; one that fails (a terminal that went away) is not told any more."""
        try:
            self.listener(Event(phase, message, self.done, self.total))
        except Exception:  # noqa: BLE001 - who listens must not decide what becomes of a save
            self.listener = ignore
