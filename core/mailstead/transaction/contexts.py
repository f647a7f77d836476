"""Make contexts: a settings view with facts, instance and the modules enabled in it."""

from __future__ import annotations

from typing import Any

import attrs

from mailstead.context import Context
from mailstead.errors import MailsteadError, PlanError
from mailstead.hooks import Hooks
from mailstead.instance import Instance
from mailstead.machine.base import Machine
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

    def of(self, tree: Tree, facts: dict[str, Any] | None = None) -> Context:
        """Give the context of running or of the draft. Facts are found when none are given."""
        settings = Settings(self.store, self.schema, tree)
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
        chosen = {row.id for row in settings.rows(ModuleState) if row.enabled}
        return tuple(name for name in self.registry.usable() if name in chosen)

    def facts(self, modules: tuple[str, ...]) -> dict[str, Any]:
        """Find the facts of modules, all in one go. Raises PlanError naming the module."""
        found: dict[str, Any] = {}
        for name in modules:
            for fact in self.registry.module(name).facts:
                try:
                    found[fact.name] = fact.find(self.machine)
                except MailsteadError:
                    raise
                except Exception as error:  # a plugin may raise anything
                    problem = f"the fact {fact.name} could not be found: {error}"
                    raise PlanError(problem, where=f"module {name}") from error
        return found
