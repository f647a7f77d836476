"""A file that an admin edited by hand: what we rendered, what they made of it, what we want.

*Base* is what a save rendered last, *yours* what stands there, *ours* what the plan renders.
A file is edited when yours is neither base nor ours. While ours is still base, yours is left
alone. Otherwise somebody must decide: keep yours, take ours, or merge. A merge stands: it is
made again by later saves, until it conflicts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Literal

import attrs

from mailstead.hand_edits.answers import Answer
from mailstead.hand_edits.merge import Merge, merge
from mailstead.settings.cells import OwnedFile
from mailstead.settings.decisions import Choice, Decision
from mailstead.transaction.changes import FileVersion

State = Literal["edited", "kept", "merged"]
STATES: Mapping[str, State] = {"keep": "kept", "merge": "merged"}


def digest(content: bytes | None) -> str:
    """Give the digest of a content; of no file it is empty."""
    return "" if content is None else hashlib.sha256(content).hexdigest()


@attrs.frozen
class HandEdit:
    """A file that was edited by hand, and what becomes of it.

    Attributes:
        owned: the file as the last save left it.
        version: what stands there.
        saved: what the last save left there; ``None`` when it is not known.
        base: what was rendered last; ``None`` when nothing was, or it is not known.
        ours: what is rendered now; when that is nothing any more, what shall stand there instead.
        wanted: it is rendered.
        merge: base, yours and ours as a merge; ``None`` where there is none.
        decision: what is done with it; ``None``: it is left alone, or asked for.
        asks: somebody must decide before a save.
        modified: when it was changed last, in seconds since the epoch.
    """

    owned: OwnedFile
    version: FileVersion
    saved: bytes | None = attrs.field(repr=False)
    base: bytes | None = attrs.field(repr=False)
    ours: bytes | None = attrs.field(repr=False)
    wanted: bool
    secret: bool
    merge: Merge | None
    decision: Decision | None
    asks: bool
    modified: float

    @property
    def path(self) -> str:
        """Give the system path."""
        return self.owned.path

    @property
    def module(self) -> str:
        """Give whose file it is."""
        return self.owned.module

    @property
    def yours(self) -> bytes:
        """Give what stands there."""
        return self.version.content

    @property
    def state(self) -> State:
        """Tell whether it is as a save left it, kept or merged, or was edited since."""
        saved = self.version.sha256 == self.owned.sha256
        return STATES.get(self.owned.choice, "edited") if saved else "edited"

    @property
    def since(self) -> float:
        """Tell since when it is so."""
        return self.modified if self.state == "edited" else self.owned.since

    @property
    def who(self) -> str:
        """Name who decided that it is so; empty for an edit that nobody decided about."""
        return "" if self.state == "edited" else self.owned.who

    @property
    def choice(self) -> Choice | None:
        """Give what is done with it."""
        return self.decision.choice if self.decision else None

    @property
    def is_left_alone(self) -> bool:
        """Tell whether it stays as it is, undecided."""
        return not self.asks and self.decision is None

    @property
    def is_safe(self) -> bool:
        """Tell whether yours is in the history of files already: a save ended with it."""
        return self.state == "merged" and self.choice == "merge"

    @property
    def offers(self) -> tuple[Choice, ...]:
        """Give what can be decided."""
        return ("keep", "take", "merge") if self.merge else ("keep", "take")

    @property
    def result(self) -> bytes | None:
        """Give what will stand there; ours, as long as nobody has decided."""
        if self.is_left_alone or self.choice == "keep":
            return self.yours
        if self.choice == "merge" and self.decision and self.merge:
            return self.merge.content(self.decision.conflicts)
        return self.ours


@attrs.frozen
class Judge:
    """Tells hand edits from our own contents, and what becomes of them.

    Attributes:
        content: gives a content by its digest, from the history of files.
        answers: what was asked for now, by system path.
        decided: what was decided before, by system path.
    """

    content: Callable[[str], bytes | None]
    answers: Mapping[str, Answer] = attrs.field(factory=dict)
    decided: Mapping[str, Decision] = attrs.field(factory=dict)

    def look(
        self,
        owned: OwnedFile,
        version: FileVersion,
        ours: bytes | None,
        *,
        modified: float,
        wanted: bool = True,
        secret: bool = False,
    ) -> HandEdit | None:
        """Give the hand edit that a version is; ``None`` when it is base or ours."""
        if version.sha256 in (digest(ours), owned.base):
            return None
        hidden = secret or owned.secret
        saved, base = self.content(owned.sha256), self.content(owned.base)
        merged = None
        if base is not None and ours is not None and wanted and not hidden:
            merged = merge(base, version.content, ours)
        edit = HandEdit(owned, version, saved, base, ours, wanted, hidden, merged, None,
                        asks=False, modified=modified)  # fmt: skip
        return self._decide(edit)

    def _decide(self, edit: HandEdit) -> HandEdit:
        wanted = self._wanted(edit)
        if wanted is not None and not _is_done(edit, wanted) and _is_possible(edit, wanted):
            return attrs.evolve(edit, decision=wanted)
        if digest(edit.ours) == edit.owned.base:
            return edit
        standing = Decision(edit.path, "merge", edit.version.sha256, digest(edit.ours),
                            who=edit.owned.who, at=edit.owned.since)  # fmt: skip
        if edit.owned.choice == "merge" and _is_possible(edit, standing):
            return attrs.evolve(edit, decision=standing)
        return attrs.evolve(edit, asks=True)

    def _wanted(self, edit: HandEdit) -> Decision | None:
        yours, ours = edit.version.sha256, digest(edit.ours)
        answer = self.answers.get(edit.path)
        if answer is not None:
            return Decision(edit.path, answer.choice, yours, ours, answer.conflicts)
        before = self.decided.get(edit.path)
        return before if before and before.holds_for(yours, ours) else None


def _is_done(edit: HandEdit, decision: Decision) -> bool:
    """Tell whether a save has carried it out already."""
    unchanged = edit.version.sha256 == edit.owned.sha256 and digest(edit.ours) == edit.owned.base
    return unchanged and decision.choice == edit.owned.choice


def _is_possible(edit: HandEdit, decision: Decision) -> bool:
    if decision.choice != "merge":
        return True
    return edit.merge is not None and edit.merge.content(decision.conflicts) is not None
