"""Hook calls between modules: pluggy registers and checks, the engine calls one by one.

A plain multicall stops at the first exception and its results have no owner; here each result
comes with its module's id, in dependency order, and a failure names the module. What the hook's
declaration says it gives is what an implementation must give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pluggy

from mailstead.context import Collect
from mailstead.errors import MailsteadError
from mailstead.guard import Deadline, guarded
from mailstead.machine.deadline import deadline as real_deadline
from mailstead.plugin import PROJECT
from mailstead.registry import Registry
from mailstead.returned import declared_result, take


class Hooks:
    """The hooks of one registry's modules."""

    def __init__(self, registry: Registry, deadline: Deadline = real_deadline) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._deadline = deadline
        self._results: dict[str, Any] = {}
        # One that breaks blocks what needs it: the rest of each round is asked for its status.
        for step in (self._declare, self._register):
            for name in registry.usable():
                if registry.entry(name).status == "available":
                    step(registry, name)

    def collector(self, enabled: Sequence[str]) -> Collect:
        """Give a function that calls a hook of the enabled modules, in the order given."""

        def collect(hook: str, **arguments: Any) -> tuple[tuple[str, Any], ...]:
            found = [(name, self._implementation(hook, name)) for name in enabled]
            return tuple(
                (name, self._call(hook, name, implementation, arguments))
                for name, implementation in found
                if implementation is not None
            )

        return collect

    def _declare(self, registry: Registry, name: str) -> None:
        """Take on a module's hooks, or break it: a class without hooks, a hook declared twice."""
        try:
            for spec in registry.module(name).hookspecs:
                self._manager.add_hookspecs(spec)
        except (MailsteadError, ValueError, TypeError, AttributeError) as error:
            registry.mark_broken(name, f"its hooks cannot be used: {error}")

    def _register(self, registry: Registry, name: str) -> None:
        try:
            self._manager.register(registry.package(name), name=name)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            self._manager.unregister(name=name)
            registry.mark_broken(name, str(error))

    def _implementation(self, hook: str, module: str) -> pluggy.HookImpl | None:
        caller = getattr(self._manager.hook, hook, None)
        if caller is None:
            return None
        found = [item for item in caller.get_hookimpls() if item.plugin_name == module]
        return found[0] if found else None

    def _call(
        self, hook: str, module: str, implementation: pluggy.HookImpl, given: dict[str, Any]
    ) -> Any:
        hint = self._result(hook)

        def call() -> Any:
            arguments = (given[name] for name in implementation.argnames)
            return take(implementation.function(*arguments), hint)

        return guarded(self._deadline, module, f"the hook {hook}", call)

    def _result(self, hook: str) -> Any:
        """Give what a hook's declaration says it gives."""
        if hook not in self._results:
            spec = getattr(self._manager.hook, hook).spec
            self._results[hook] = declared_result(spec.function) if spec else Any
        return self._results[hook]
