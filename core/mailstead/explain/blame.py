"""From what trying showed to what is behind each line of a file's diff. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

import attrs

from mailstead.explain.causes import Cause
from mailstead.explain.origins import ChangedLine, Origin
from mailstead.transaction.changes import FileChange
from mailstead.transaction.lines import Block, Lines, blocks

Sign = Literal["+", "-"]
Line = tuple[Sign, int]
EDITED = "edited by hand"
FOREIGN = "stood there before"
OTHERWISE = "no setting: the module or the machine changed"


@attrs.frozen
class Effect:
    """The lines of a diff that go away when one change is taken back."""

    old: frozenset[int]
    new: frozenset[int]

    def holds(self, line: Line) -> bool:
        """Tell whether the line is one of them."""
        sign, number = line
        return number in (self.new if sign == "+" else self.old)


@attrs.frozen
class Evidence:
    """What trying showed about one changed file.

    Attributes:
        old, new: its lines as they are and as they will be.
        untouched: changed lines that no setting touches: running would not make the old one
            today, or would make the new one as well, or no module makes it.
        effects: what taking a change back does; ``None`` when that was refused or not tried.
        givers: the modules that contribute a line, where it is not the owner.
        toggle: the owner's own enabling, when it is part of the plan.
    """

    change: FileChange
    old: Lines
    new: Lines
    untouched: Collection[Line]
    effects: Mapping[Cause, Effect | None]
    givers: Mapping[Line, tuple[str, ...]]
    toggle: Cause | None = None


def blame(evidence: Evidence) -> tuple[ChangedLine, ...]:
    """Give what is behind each changed line, in the order of the diff."""
    found = _Blame(evidence)
    return tuple(
        line for block in blocks(evidence.old, evidence.new) for line in found.block(block)
    )


@attrs.frozen
class _Blame:
    evidence: Evidence

    def block(self, block: Block) -> Iterator[ChangedLine]:
        lines: list[Line] = [("-", number) for number in block.old]
        lines += [("+", number) for number in block.new]
        causes = {line: self._causes(line) for line in lines if line not in self.evidence.untouched}
        # A line that gives way to new ones is due to what they are due to.
        new = [found for line, found in causes.items() if line[0] == "+"]
        shared = tuple(dict.fromkeys(cause for found in new for cause in found))
        for line in lines:
            own = causes.get(line) or (shared if line[0] == "-" else ())
            yield ChangedLine(line[0], line[1] + 1, self._origin(line, own))

    def _causes(self, line: Line) -> tuple[Cause, ...]:
        effects = self.evidence.effects.items()
        return tuple(cause for cause, effect in effects if effect and effect.holds(line))

    def _origin(self, line: Line, causes: tuple[Cause, ...]) -> Origin:
        toggle, change = self.evidence.toggle, self.evidence.change
        module = ", ".join(self.evidence.givers.get(line, ())) or change.module
        if line in self.evidence.untouched and (toggle is None or change.foreign or change.edited):
            return Origin(module, note=self._note())
        if not causes and toggle is not None:
            causes = (toggle,)
        if causes:
            return Origin(module, causes)
        if every := tuple(self.evidence.effects):
            return Origin(module, every, sure=len(every) == 1)
        return Origin(module, note=self._note())

    def _note(self) -> str:
        change = self.evidence.change
        return EDITED if change.edited else FOREIGN if change.foreign else OTHERWISE
