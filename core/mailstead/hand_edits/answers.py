"""What is asked to become of files edited by hand, and what is refused because of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import attrs

from mailstead.errors import ConsentNeeded, InvalidInput, NotFound
from mailstead.settings.decisions import Choice, Side

if TYPE_CHECKING:
    from mailstead.hand_edits.hand_edit import HandEdit

WAYS = ("look at `mailstead plan`; then save with --keep FILE (yours stays), --take FILE "
        "(ours; yours is kept aside) or --merge FILE (both)")  # fmt: skip


@attrs.frozen
class Answer:
    """What is asked to become of one file, with a save or a plan.

    ``conflicts`` is the side that is taken where a merge conflicts; ``None`` is neither.
    """

    path: str
    choice: Choice
    conflicts: Side | None = None


def find(edits: Iterable[HandEdit], path: str) -> HandEdit:
    """Give the edit of a file. Raises NotFound."""
    found = {edit.path: edit for edit in edits}
    if path not in found:
        hint = f"edited by hand: {', '.join(found) or 'no file'}"
        raise NotFound("no such file was edited by hand", where=path, hint=hint)
    return found[path]


def refuse_unfit(edits: Collection[HandEdit], answers: Iterable[Answer]) -> None:
    """Refuse answers that do not fit what was found. Raises NotFound, InvalidInput."""
    for answer in answers:
        edit = find(edits, answer.path)
        if answer.choice == "merge":
            _refuse_unmergeable(edit, answer)


def refuse_undecided(edits: Iterable[HandEdit]) -> None:
    """Refuse a save while somebody must decide. Raises ConsentNeeded."""
    asked = [edit.path for edit in edits if edit.asks]
    if asked:
        problem = "edited by hand since the last save, and the save would change it too"
        raise ConsentNeeded(problem, where=", ".join(asked), hint=WAYS)


def _refuse_unmergeable(edit: HandEdit, answer: Answer) -> None:
    if edit.merge is None:
        hint = f"use --keep {edit.path} or --take {edit.path}"
        raise InvalidInput(f"it cannot be merged: {_why_not(edit)}", where=edit.path, hint=hint)
    if edit.merge.content(answer.conflicts) is None:
        count = len(edit.merge.conflicts)
        hint = (f"see `mailstead edits show {edit.path}`; then add --conflicts yours or "
                "--conflicts ours, or finish the file by hand and keep it")  # fmt: skip
        words = "1 conflict" if count == 1 else f"{count} conflicts"
        raise InvalidInput(f"merging it gives {words}", where=edit.path, hint=hint)


def _why_not(edit: HandEdit) -> str:
    if edit.secret:
        return "its content is secret"
    if not edit.wanted:
        return "the file is no longer needed"
    if edit.base is None:
        return "what was rendered before is not known"
    return "it is no text, or too long"
