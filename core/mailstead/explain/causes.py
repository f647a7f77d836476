"""The changes of a draft as possible causes: one by one, by row, or by section."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from mailstead.explain.variants import Watch
from mailstead.modules import PATH
from mailstead.settings.cells import Change, Json
from mailstead.settings.overlay import Place
from mailstead.settings.schema import Bound, Schema
from mailstead.transaction.changes import Plan


@attrs.frozen
class Cause:
    """Changes that are taken back together, and how people call them.

    Attributes:
        where: a field, a row or a section; or what happens to a module.
        changes: the cells; they may hold secrets.
        module: the module that is enabled or disabled, when that is the cause.
    """

    where: str
    changes: tuple[Change, ...] = attrs.field(repr=False, eq=False)
    module: str = ""

    @property
    def who(self) -> tuple[str, ...]:
        """Give who made the changes."""
        return tuple(dict.fromkeys(change.who for change in self.changes))

    def cells(self) -> dict[Place, Json]:
        """Give the cells as they are in running."""
        return {(item.section, item.key, item.field): item.old for item in self.changes}

    def concerns(self, watch: Watch) -> bool:
        """Tell whether a file that asked for this can depend on it."""
        if self.module:
            return watch.asks_modules
        return any(watch.reads.covers(item.section, item.key) for item in self.changes)

    def __str__(self) -> str:
        return f"{self.where} ({', '.join(self.who)})" if self.who else self.where


Level = Callable[[Schema, Sequence[Change]], tuple[Cause, ...]]


def toggles(plan: Plan) -> tuple[Cause, ...]:
    """Give a cause for each module that is enabled or disabled."""
    words = dict.fromkeys(plan.enable, "enabled") | dict.fromkeys(plan.disable, "disabled")
    rows: dict[str, list[Change]] = {name: [] for name in words}
    for change in plan.changes:
        if change.section == PATH and change.key in rows:
            rows[change.key].append(change)
    return tuple(
        Cause(f"module {name} {words[name]}", tuple(changes), name)
        for name, changes in rows.items()
    )


def by_setting(schema: Schema, changes: Sequence[Change]) -> tuple[Cause, ...]:
    """Give a cause for each field; a row that comes or goes is one cause."""

    def name(change: Change) -> str:
        bound = schema.get(change.section)
        whole = bound is not None and (change.section, change.key) in whole_rows
        return _row(change) if whole else change.where

    whole_rows = _whole_rows(schema, changes)
    return _grouped(changes, name)


def by_row(_schema: Schema, changes: Sequence[Change]) -> tuple[Cause, ...]:
    """Give a cause for each form or row."""
    return _grouped(changes, _row)


def by_section(_schema: Schema, changes: Sequence[Change]) -> tuple[Cause, ...]:
    """Give a cause for each section."""
    return _grouped(changes, lambda change: change.section)


LEVELS: tuple[Level, ...] = (by_setting, by_row, by_section)


def _row(change: Change) -> str:
    return f"{change.section}[{change.key}]" if change.key else change.section


def _whole_rows(schema: Schema, changes: Iterable[Change]) -> set[tuple[str, str]]:
    """Give the rows whose key fields change: those that come or go."""
    return {
        (change.section, change.key)
        for change in changes
        if (bound := schema.get(change.section)) and _is_key(bound, change.field)
    }


def _is_key(bound: Bound, field: str) -> bool:
    return field in bound.section.key


def _grouped(changes: Iterable[Change], name: Callable[[Change], str]) -> tuple[Cause, ...]:
    groups: dict[str, list[Change]] = {}
    for change in changes:
        if change.section != PATH:
            groups.setdefault(name(change), []).append(change)
    return tuple(Cause(where, tuple(items)) for where, items in groups.items())
