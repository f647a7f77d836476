"""Go back: make the draft what running was at an earlier revision, to be saved like any other.

It is written as edits by whoever asks, judged by today's modules and grammars, and taken back
when it is not saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import attrs

from mailstead.errors import InvalidInput, InvalidValue, MailsteadError, ModuleUnavailable
from mailstead.history.settings_history import SettingsHistory
from mailstead.modules import PATH, ModuleState
from mailstead.settings.audit import AuditLog
from mailstead.settings.cells import Actor, Cell, Change, encode, mask
from mailstead.settings.validate import validate_changed
from mailstead.settings.view import Settings
from mailstead.transaction.contexts import Contexts


@attrs.frozen
class Goal:
    """What to go back to: all of a revision, or one module's part of it.

    Attributes:
        restore: of modules that are disabled by it, put back the files that stood there before.
    """

    revision: int
    module: str = ""
    restore: bool = False

    def __str__(self) -> str:
        return f"revision {self.revision}" + (f" of {self.module}" if self.module else "")


@attrs.frozen
class Rollback:
    """Goes back in one store, in the name of an actor."""

    contexts: Contexts
    actor: Actor

    @contextmanager
    def drafted(self, goal: Goal | None) -> Iterator[None]:
        """Let the draft be what it was for the time being; what is not saved is taken back.

        Without a goal it is left alone. Raises NotFound, InvalidInput, InvalidValue,
        ModuleUnavailable; then the draft is as it was.
        """
        if goal is None:
            yield
            return
        at = self.contexts.machine.now()
        cells = self._write(goal, at)
        try:
            yield
        finally:
            # How the save ended counts more; what stays in the draft can be seen and discarded.
            with suppress(MailsteadError):
                self._withdraw(cells, at)

    @contextmanager
    def tried(self, goal: Goal | None) -> Iterator[None]:
        """Let the draft be what it was, seen by nobody else. Raises as `drafted` does."""
        if goal is None:
            yield
            return
        with self.contexts.store.trial():
            self._write(goal, self.contexts.machine.now())
            yield

    def _write(self, goal: Goal, at: float) -> list[Cell]:
        with self.contexts.store.transaction():
            self._refuse_other_changes()
            before = self._enabled()
            cells = [Cell(c.section, c.key, c.field, c.new) for c in self._changes(goal)]
            self._edit(cells, at)
            if goal.restore:
                leaving = _restoring(before - self._enabled())
                self._edit(leaving, at)
                cells += leaving
            self._refuse_unusable(goal)
            self._refuse_apart()
            self._refuse_invalid(goal)
        return cells

    def _withdraw(self, cells: Iterable[Cell], at: float) -> None:
        """Take back what is still as it was written; what others edited since stays."""
        with self.contexts.store.transaction():
            mine = [cell for cell in cells if self._is_mine(cell, at)]
            self._edit([self._as_running(cell) for cell in mine], self.contexts.machine.now())

    def _is_mine(self, cell: Cell, at: float) -> bool:
        select = """SELECT 1 FROM draft WHERE section = ? AND key = ? AND field = ?
            AND value IS ? AND who = ? AND at = ?"""
        place = (cell.section, cell.key, cell.field)
        values = (*place, encode(cell.value), self.actor.name, at)
        return self.contexts.store.run(select, values).fetchone() is not None

    def _as_running(self, cell: Cell) -> Cell:
        record = self.contexts.store.record("running", cell.section, cell.key)
        return attrs.evolve(cell, value=record.get(cell.field))

    def _edit(self, cells: Iterable[Cell], at: float) -> None:
        store, schema = self.contexts.store, self.contexts.schema
        changes = store.edit(cells, self.actor, at)
        AuditLog(store).edited(mask(schema, change) for change in changes)

    def _refuse_other_changes(self) -> None:
        if self.contexts.store.has_draft():
            hint = "run `mailstead save` or `mailstead discard` first"
            raise InvalidInput("the draft holds other changes", hint=hint)

    def _changes(self, goal: Goal) -> tuple[Change, ...]:
        history = SettingsHistory(self.contexts.store)
        history.revision(goal.revision)
        present = self.contexts.store.revision()
        if goal.revision == present:
            problem = "it is the present one: there is nothing to go back to"
            raise InvalidInput(problem, where=f"revision {goal.revision}")
        found = history.net(present, goal.revision)
        if goal.module:
            found = tuple(change for change in found if _is_of(goal.module, change))
            if not found:
                self.contexts.registry.entry(goal.module)
        if not found:
            problem = "nothing has changed since: there is nothing to go back to"
            raise InvalidInput(problem, where=str(goal))
        return found

    def _refuse_unusable(self, goal: Goal) -> None:
        """Refuse when a module that was enabled then is not installed any more, or is broken."""
        registry = self.contexts.registry
        for name in sorted(self._enabled()):
            if goal.module not in ("", name):
                continue
            try:
                registry.available(name)
            except ModuleUnavailable as error:
                now = error.problem if name in registry.entries else "it is not installed any more"
                problem = f"it was enabled in revision {goal.revision}, and {now}"
                hint = "install it, or go back with --module to another module's part"
                raise ModuleUnavailable(problem, where=name, hint=hint) from error

    def _refuse_apart(self) -> None:
        """Refuse to leave a module enabled without one that it needs."""
        enabled = self._enabled()
        for name in sorted(enabled & set(self.contexts.registry.usable())):
            needs = self.contexts.registry.entry(name).manifest.enable_depends
            missing = ", ".join(sorted(set(needs) - enabled))
            if missing:
                problem = f"it would stay enabled without {missing}, which it needs"
                hint = f"go back without --module, or enable or disable {name} by itself first"
                raise InvalidInput(problem, where=name, hint=hint)

    def _refuse_invalid(self, goal: Goal) -> None:
        problems = validate_changed(self.contexts.store, self.contexts.schema)
        if not problems:
            return
        first, rest = problems[0], [item.where for item in problems[1:]]
        more = f"; also {', '.join(rest)}" if rest else ""
        because = f" ({first.hint})" if first.hint else ""
        hint = f"{goal} cannot be returned to as it was: change these settings by hand"
        raise InvalidValue(f"{first.problem}{because}{more}", where=first.where, hint=hint)

    def _enabled(self) -> set[str]:
        draft = Settings(self.contexts.store, self.contexts.schema, "draft")
        return {row.id for row in draft.rows(ModuleState) if row.enabled}


def _restoring(leaving: Iterable[str]) -> list[Cell]:
    """Let modules that leave put their originals back; their rows may be gone otherwise."""
    values = {"enabled": False, "restore": True}
    return [
        Cell(PATH, name, field, value)
        for name in sorted(leaving)
        for field, value in {"id": name, **values}.items()
    ]


def _is_of(module: str, change: Change) -> bool:
    if change.section == PATH:
        return change.key == module
    return change.section.partition(".")[0] == module
