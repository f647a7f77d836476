"""What is asked of a save, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Literal

import attrs

from mailstead.hand_edits.answers import Answer
from mailstead.journal.records import Wait
from mailstead.transaction.changes import Plan
from mailstead.transaction.rollback import Goal
from mailstead.transaction.steps import Step

Extra = Callable[[], Sequence[Step]]
Outcome = Literal["committed", "rolled back", "needs operator", "nothing to do"]


@attrs.frozen
class SaveResult:
    """How a save ended; never "state unknown".

    Attributes:
        revision: the one that is served now.
        reason: what went wrong, in the daemon's own words where there are any; or why there
            was nothing to do.
        commands: what an operator must run, when the old state could not be proven.
        wait: what it waits for, when it must be confirmed.
        warnings: what went wrong after the commit, such as a hook of the admin's.
    """

    outcome: Outcome
    revision: int
    plan: Plan
    reason: str = ""
    commands: tuple[str, ...] = ()
    wait: Wait | None = None
    warnings: tuple[str, ...] = ()


def no_steps() -> tuple[Step, ...]:
    """Add nothing to a save."""
    return ()


@attrs.frozen
class Request:
    """What is asked of a save.

    Attributes:
        comment: kept with the revision.
        expected: id of the plan that was agreed to; empty: whatever the plan is now.
        answers: what shall become of files edited by hand.
        confirm: seconds within which somebody must confirm it; 0: it needs no confirmation.
        allowed: who may confirm besides the one who saves.
        back_to: make the draft what running was then, and take that back unless it is saved.
        extra: gives further steps, such as those of a restore. It is asked when packages, users
            and databases exist, and they are taken after files and rows, before services.
    """

    comment: str = ""
    expected: str = ""
    answers: Collection[Answer] = ()
    confirm: float = 0.0
    allowed: tuple[str, ...] = ()
    back_to: Goal | None = None
    extra: Extra = no_steps
