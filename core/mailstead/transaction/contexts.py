"""Make contexts: a settings view with facts, instance and the modules enabled in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from mailstead.context import Context
from mailstead.guard import WORK_SECONDS, guarded
from mailstead.hooks import Hooks
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.module import Fact
from mailstead.modules import ModuleState
from mailstead.registry import Registry
from mailstead.settings.cells import Tree
from mailstead.settings.schema import Schema
from mailstead.settings.store import Store
from mailstead.settings.view import Settings


@attrs.frozen
class Contexts:
    """Makes contexts over one store."""

    instance: Instance
    machine: Machine
    registry: Registry
    hooks: Hooks
    store: Store
    schema: Schema

    def of(self, tree: Tree, facts: Mapping[str, Any] | None = None) -> Context:
        """Give the context of running or of the draft; facts are shared when they are given."""
        return self.over(Settings(self.store, self.schema, tree), facts)

    def over(self, settings: Settings, facts: Mapping[str, Any] | None = None) -> Context:
        """Give the context of any view of the settings."""
        enabled = self.enabled(settings)
        return Context(
            settings=settings,
            instance=self.instance,
            facts=self.facts(enabled) if facts is None else facts,
            enabled=enabled,
            collect=self.hooks.collector(enabled),
        )

    def enabled(self, settings: Settings) -> tuple[str, ...]:
        """Give the enabled modules that can be used, in dependency order."""
        chosen = self.chosen(settings)
        return tuple(name for name in self.registry.usable() if name in chosen)

    def chosen(self, settings: Settings) -> tuple[str, ...]:
        """Give the enabled modules whether they can be used or not, in dependency order."""
        chosen = {row.id for row in settings.rows(ModuleState) if row.enabled}
        return tuple(name for name in self.registry.ids if name in chosen)

    def unusable(self, settings: Settings) -> tuple[str, ...]:
        """Give the enabled modules that are broken, blocked or not installed any more."""
        usable = self.enabled(settings)
        return tuple(name for name in self.chosen(settings) if name not in usable)

    def facts(self, modules: Iterable[str]) -> Facts:
        """Give the facts that modules declare."""
        declared = ((name, fact) for name in modules for fact in self.registry.module(name).facts)
        return Facts(self.machine, {fact.name: (name, fact) for name, fact in declared})


@attrs.frozen
class Facts(Mapping[str, Any]):
    """Facts about the machine: each is found when it is first asked for, and kept.

    Looking one up raises PlanError naming the module when it cannot be found.
    """

    _machine: Machine
    _declared: dict[str, tuple[str, Fact]]
    _found: dict[str, Any] = attrs.field(factory=dict)

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            self._found[name] = self._find(*self._declared[name])
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)

    def _find(self, module: str, fact: Fact) -> Any:
        def find() -> Any:
            return fact.find(self._machine)

        what = f"the fact {fact.name}"
        return guarded(self._machine.deadline, module, what, find, seconds=WORK_SECONDS)
