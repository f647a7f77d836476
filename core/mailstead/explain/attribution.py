"""Find the module and the changed setting behind each changed line of a plan.

Rendering is pure, so it is found by trying: with one change taken back, the lines of the diff
that go away are due to it; with one module's contributions left out, the lines that are missing
are its own. A plan costs at most `LIMIT` such renders of one file. Past that, changes are taken
back by row, then by section, then not at all: all that the file depends on are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from mailstead.explain.blame import Effect, Evidence, Line, blame
from mailstead.explain.causes import LEVELS, Cause, toggles
from mailstead.explain.origins import ChangedLine, FileOrigins, Origin, united
from mailstead.explain.variants import File, Lines, Variants, Watch, is_on
from mailstead.transaction.changes import FileChange, Plan
from mailstead.transaction.lines import added, lines_of, removed, same
from mailstead.transaction.plan import Planner

LIMIT = 50  # renders of one file with something changed, in all of a plan
SHOWN = ("create", "change", "merge", "remove")
MOVED = "not known: the machine changed meanwhile"


def attribute(planner: Planner, plan: Plan) -> Mapping[str, FileOrigins]:
    """Give what is behind the changed lines of each file, by system path.

    Costs up to `LIMIT` renders: for plans that are shown, not for saves.
    """
    changes = [item for item in plan.files if item.kind in SHOWN]
    if not changes:
        return {}
    target = planner.contexts.of("draft")
    additions = planner.additions(target)
    draft = Variants(planner.contexts, planner.renderer, "draft", target.facts, additions)
    running = attrs.evolve(draft, tree="running")
    looks = [look for item in changes if (look := _look(draft, running, item))]
    found = _Attribution(plan, draft, running, looks).evidence()
    return {item.path: _origins(item, plan, found.get(item.path)) for item in changes}


@attrs.frozen
class _Look:
    """A changed file, rendered as the draft makes it and as running would make it today.

    ``new`` is what the plan writes: what the draft makes, and what is kept of an admin's edit.
    ``before`` is ``None`` when running cannot be rendered any more.
    """

    change: FileChange
    file: File
    old: Lines
    new: Lines
    made: Lines
    before: Lines | None
    watch: Watch
    watch_before: Watch

    def planned(self, numbers: Iterable[int]) -> frozenset[int]:
        """Give the lines of the plan's file for some of those that the draft makes."""
        places = same(self.made, self.new)
        return frozenset(places[number] for number in numbers if number in places)

    def untouched(self) -> frozenset[Line]:
        """Give the lines that no setting touches, as far as running can be rendered."""
        if self.before is None:
            return frozenset()
        touched = self.planned(added(self.before, self.made))
        found: set[Line] = {("-", number) for number in removed(self.old, self.before)}
        found |= {("+", number) for number in range(len(self.new)) if number not in touched}
        return frozenset(found)

    @property
    def givers(self) -> tuple[str, ...]:
        """Give the modules that contribute to it."""
        return tuple(sorted(self.watch.givers - {self.file.module}))

    @property
    def givers_before(self) -> tuple[str, ...]:
        """Give those that contribute to it in running, when lines of it go."""
        goes = removed(self.old, self.new)
        return tuple(sorted(self.watch_before.givers - {self.file.module})) if goes else ()


def _look(draft: Variants, running: Variants, change: FileChange) -> _Look | None:
    file = draft.find(change.path)
    if file is None:
        return None
    context, watch = draft.watched()
    made = draft.attempt(file, context)
    if made is None or not is_on(file.module, context):
        return None
    context, watch_before = running.watched()
    before = running.attempt(file, context)
    old, new = (lines_of(item.content if item else b"") for item in (change.old, change.new))
    return _Look(change, file, old, new, made, before, watch, watch_before)


@attrs.frozen
class _Attribution:
    """What is tried for one plan."""

    plan: Plan
    draft: Variants
    running: Variants
    looks: Sequence[_Look]

    def evidence(self) -> dict[str, Evidence]:
        cost = sum(len(look.givers) + len(look.givers_before) for look in self.looks)
        is_dear = cost > LIMIT // 2
        effects = self._effects(LIMIT if is_dear else LIMIT - cost)
        return {
            look.file.path: Evidence(
                change=look.change,
                old=look.old,
                new=look.new,
                untouched=look.untouched(),
                effects=effects[look.file.path],
                givers={} if is_dear else self._givers(look),
                toggle=_toggle(self.plan, look.file.module),
            )
            for look in self.looks
        }

    def _effects(self, limit: int) -> dict[str, dict[Cause, Effect | None]]:
        modules = toggles(self.plan)
        schema = self.draft.contexts.schema
        pairs: list[tuple[_Look, Cause]] = []
        for level in LEVELS:
            causes = (*modules, *level(schema, self.plan.changes))
            pairs = [(look, cause) for look in self.looks for cause in _concerning(look, causes)]
            if len(pairs) <= limit:
                break
        is_tried = len(pairs) <= limit
        found: dict[str, dict[Cause, Effect | None]] = {look.file.path: {} for look in self.looks}
        for look, cause in pairs:
            found[look.file.path][cause] = self._effect(look, cause) if is_tried else None
        return found

    def _effect(self, look: _Look, cause: Cause) -> Effect | None:
        without = self.draft.attempt(look.file, self.draft.changed(cause.cells()))
        if without is None:
            return None
        old = removed(look.old, look.new) - removed(look.old, without)
        return Effect(old, look.planned(added(without, look.made)))

    def _givers(self, look: _Look) -> dict[Line, tuple[str, ...]]:
        found: dict[Line, tuple[str, ...]] = {}
        for name in look.givers:
            for number in look.planned(given_by(self.draft, look.file, name, look.made)):
                found["+", number] = (*found.get(("+", number), ()), name)
        places = {new: old for old, new in same(look.old, look.before or ()).items()}
        for name in look.givers_before:
            for number in given_by(self.running, look.file, name, look.before or ()):
                if number in places:
                    line: Line = ("-", places[number])
                    found[line] = (*found.get(line, ()), name)
        return found


def given_by(variants: Variants, file: File, module: str, lines: Lines) -> frozenset[int]:
    """Give the lines of a file that are missing without what a module contributes."""
    without = variants.attempt(file, variants.without(module))
    return frozenset() if without is None else added(without, lines)


def _concerning(look: _Look, causes: Iterable[Cause]) -> Iterable[Cause]:
    own = look.file.module
    return (item for item in causes if item.module != own and item.concerns(look.watch))


def _toggle(plan: Plan, module: str) -> Cause | None:
    return next((cause for cause in toggles(plan) if cause.module == module), None)


def _origins(change: FileChange, plan: Plan, evidence: Evidence | None) -> FileOrigins:
    if evidence is not None:
        return _shown(change, blame(evidence))
    toggle = _toggle(plan, change.module)
    note = "" if toggle else MOVED
    return FileOrigins((), Origin(change.module, (toggle,) if toggle else (), note=note))


def _shown(change: FileChange, lines: tuple[ChangedLine, ...]) -> FileOrigins:
    origins = {line.origin for line in lines}
    whole = united(change.module, lines)
    if change.secret:
        return FileOrigins((), whole)
    return FileOrigins(lines, whole if len(origins) == 1 else None)
