"""What is known about a changed line: who gives it, and what was changed that made it so."""

from __future__ import annotations

from typing import Literal

import attrs

from mailstead.explain.causes import Cause


@attrs.frozen
class Origin:
    """What is behind a changed line.

    Attributes:
        module: who gives the line: the file's owner, or who contributes to it; ``a, b`` for two.
        causes: changed settings and modules.
        sure: each cause by itself makes the line; otherwise it is among them or all together.
        note: in place of causes, why the line changes though nobody changed a setting.
    """

    module: str
    causes: tuple[Cause, ...] = ()
    sure: bool = True
    note: str = ""


@attrs.frozen
class ChangedLine:
    """A line that goes (``-``, counted in the old file) or comes (``+``, in the new one)."""

    sign: Literal["+", "-"]
    number: int
    origin: Origin


@attrs.frozen
class FileOrigins:
    """What is behind the changed lines of one file, in the order of its diff.

    Of a secret file, whose lines are not shown, ``whole`` alone is known.
    """

    lines: tuple[ChangedLine, ...]
    whole: Origin | None = None


def united(module: str, lines: tuple[ChangedLine, ...]) -> Origin:
    """Give everything behind some lines as one."""
    origins = [line.origin for line in lines]
    causes = dict.fromkeys(cause for origin in origins for cause in origin.causes)
    notes = dict.fromkeys(origin.note for origin in origins if origin.note)
    sure = all(origin.sure for origin in origins)
    return Origin(module, tuple(causes), sure, "; ".join(notes))
