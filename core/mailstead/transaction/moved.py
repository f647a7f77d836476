"""Tell what moved between a plan that was shown and the plan there would be now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from mailstead.errors import PlanMoved
from mailstead.history.settings_history import SettingsHistory
from mailstead.settings.cells import Change, Revision, mask
from mailstead.settings.schema import Schema
from mailstead.settings.secret import MASK
from mailstead.settings.store import Store
from mailstead.transaction.changes import Plan
from mailstead.transaction.outline import Outline, PlanMemory, Setting, outline_of

MOST_REVISIONS = 20
MOST_WORDS = 5


@attrs.frozen
class Theirs:
    """A revision that was saved meanwhile; secret values of its changes are masked."""

    revision: Revision
    changes: tuple[Change, ...]


@attrs.frozen
class MovedSetting:
    """A setting that the draft changes otherwise than was shown; ``None``: not at all."""

    setting: str
    shown: Setting | None
    now: Setting | None

    def __str__(self) -> str:
        if self.now is None:
            return f"{self.setting} is not in the draft any more"
        return f"{self.setting} {'differs' if self.shown else 'is new'}, by {self.now.by}"


@attrs.frozen
class Moved:
    """What moved.

    Attributes:
        is_known: the plan that was shown is remembered; else only ``yours`` is told.
        theirs: the revisions saved meanwhile, newest first.
        yours: what the draft changes now.
        settings: what of the draft differs from what was shown.
        files: by system path in words what differs.
        actions: what is done no more, and what is done besides.
    """

    is_known: bool
    yours: tuple[Setting, ...]
    theirs: tuple[Theirs, ...] = ()
    settings: tuple[MovedSetting, ...] = ()
    files: Mapping[str, str] = attrs.field(factory=dict)
    actions: tuple[str, ...] = ()


def plan_moved(store: Store, schema: Schema, expected: str, plan: Plan) -> PlanMoved:
    """Give the error for a plan that is not the one that was agreed to."""
    moved = what_moved(store, schema, expected, plan)
    words = _few(list(_words(moved)))
    problem = "the plan is no longer what was shown" + (f": {words}" if words else "")
    hint = "nothing was saved; look at `mailstead plan` again"
    details = {"moved": attrs.asdict(moved)}
    where = f"plan {expected}"
    return PlanMoved(problem, where=where, hint=hint, details=details, moved=moved)


def what_moved(store: Store, schema: Schema, expected: str, plan: Plan) -> Moved:
    """Compare the plan that was shown with the present one."""
    now, shown = outline_of(schema, plan), PlanMemory(store).recall(expected)
    if shown is None:
        return Moved(is_known=False, yours=now.settings)
    history = SettingsHistory(store)
    saved = history.after(shown.revision, MOST_REVISIONS)
    return Moved(
        is_known=True,
        yours=now.settings,
        theirs=tuple(_theirs(store, schema, revision) for revision in saved),
        settings=tuple(_settings(shown, now)),
        files=dict(_files(shown, now)),
        actions=tuple(_actions(shown, now)),
    )


def _theirs(store: Store, schema: Schema, revision: Revision) -> Theirs:
    changes = store.changes_of(revision.number)
    return Theirs(revision, tuple(mask(schema, change) for change in changes))


def _settings(shown: Outline, now: Outline) -> Iterator[MovedSetting]:
    then, today = ({item.setting: item for item in each.settings} for each in (shown, now))
    for name in dict.fromkeys((*then, *today)):
        old, new = then.get(name), today.get(name)
        if not (old and new and _is_same(old, new)):
            yield MovedSetting(name, old, new)


def _is_same(one: Setting, other: Setting) -> bool:
    """Compare what a setting becomes; of a secret only the time of its edit is known."""
    return one.new == other.new and (one.new != MASK or one.at == other.at)


def _files(shown: Outline, now: Outline) -> Iterator[tuple[str, str]]:
    for path in dict.fromkeys((*shown.files, *now.files)):
        old, new = shown.files.get(path), now.files.get(path)
        if old is None or new is None:
            yield path, "would change now, too" if old is None else "would not change any more"
        elif old[0] != new[0]:
            yield path, "changed on the disk"
        elif old[1] != new[1]:
            yield path, "would be written otherwise"


def _actions(shown: Outline, now: Outline) -> Iterator[str]:
    yield from (f"not any more: {item}" for item in shown.actions if item not in now.actions)
    yield from (f"now also: {item}" for item in now.actions if item not in shown.actions)


def _words(moved: Moved) -> Iterator[str]:
    for item in moved.theirs:
        yield f"{item.revision.who} saved revision {item.revision.number} meanwhile"
    yield from map(str, moved.settings)
    yield from (f"{path} {what}" for path, what in moved.files.items())
    yield from moved.actions


def _few(words: Sequence[str]) -> str:
    more = len(words) - MOST_WORDS
    return "; ".join(words[:MOST_WORDS]) + (f"; and {more} more" if more > 0 else "")
