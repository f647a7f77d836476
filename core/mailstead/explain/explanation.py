"""What is known about one line of a file: who wrote it, what is behind it, since when."""

from __future__ import annotations

from typing import Literal

import attrs

from mailstead.machine.values import Path
from mailstead.settings.cells import Change, Json, Revision

# ours: Mailstead would write this line today; edited: somebody else wrote it;
# old: an earlier save wrote it, and Mailstead would write something else today.
Standing = Literal["ours", "edited", "old"]
State = Literal["set", "default", "not there"]


@attrs.frozen
class Setting:
    """A setting behind a line.

    Attributes:
        where: a field, or a row or section that counts as a whole.
        value: what it is now; masked when it is secret, ``None`` for a row or section.
        state: somebody set it, it is as its module declares it, or there is no such row.
        change: what was last saved about it, with the revision; values are masked.
    """

    where: str
    value: Json
    state: State
    change: tuple[Change, Revision] | None


@attrs.frozen
class Explanation:
    """What is behind one line of a file.

    Attributes:
        path, real, number, text: the line; the text is hidden when it may hold a secret.
        module: owns the file. ``reason`` is why, from its manifest.
        via: other modules without whose contribution the line would not be there.
        settings: each changes the line when it is another.
        facts: names of facts about the machine of which the same holds.
        perhaps: what could not be tried.
        instead: what Mailstead would write in place of a line that is not its own.
    """

    path: str
    real: Path
    number: int
    text: str
    module: str
    reason: str
    standing: Standing = "ours"
    via: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    facts: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
