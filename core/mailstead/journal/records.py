"""What the journal holds: saves with their steps. Plain data."""

from __future__ import annotations

from typing import Literal

import attrs

from mailstead.settings.cells import Actor
from mailstead.transaction.steps import Step

Phase = Literal[
    "prepared", "confirming", "committed", "rolled back", "needs operator", "unproven", "abandoned"
]
OPEN: tuple[Phase, ...] = ("prepared", "confirming", "needs operator")


@attrs.frozen
class Wait:
    """What a save waits for that must be confirmed.

    Attributes:
        deadline: seconds of the boot clock, in the boot that ``boot`` names.
        session: the connection it was saved over; confirming takes another.
        allowed: who may confirm.
        seconds: how long it waits.
    """

    deadline: float
    boot: str
    session: str
    allowed: tuple[str, ...]
    seconds: float


@attrs.frozen
class Taken:
    """A step in the journal; ``begun`` when it was about to be taken."""

    step: Step
    begun: bool = True


@attrs.frozen
class Record:
    """A save in the journal.

    Attributes:
        base: the revision it was made on; ``revision``: the one it became.
        reason: why it ended otherwise.
        commands: what an operator must run.
        damaged: numbers of steps whose record could not be read in either place.
    """

    id: int
    phase: Phase
    plan: str
    base: int
    actor: Actor
    at: float
    revision: int | None = None
    reason: str = ""
    commands: tuple[str, ...] = ()
    wait: Wait | None = None
    steps: tuple[Taken, ...] = ()
    damaged: tuple[int, ...] = ()
