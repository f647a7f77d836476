"""Hook calls between modules: pluggy registers and checks, the engine calls one by one.

A plain multicall stops at the first exception and its results have no owner; here each result
comes with its module's id, in dependency order, and a failure names the module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pluggy

from mailstead.context import Collect
from mailstead.errors import MailsteadError, PlanError
from mailstead.plugin import PROJECT
from mailstead.registry import Registry


class Hooks:
    """The hooks of one registry's modules."""

    def __init__(self, registry: Registry) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        for name in registry.usable():
            for spec in registry.module(name).hookspecs:
                self._manager.add_hookspecs(spec)
        for name in registry.usable():
            self._register(registry, name)

    def collector(self, enabled: Sequence[str]) -> Collect:
        """Give a function that calls a hook of the enabled modules, in the order given."""

        def collect(hook: str, **arguments: Any) -> tuple[tuple[str, Any], ...]:
            found = [(name, self._implementation(hook, name)) for name in enabled]
            return tuple(
                (name, _call(hook, name, implementation, arguments))
                for name, implementation in found
                if implementation is not None
            )

        return collect

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


def _call(hook: str, module: str, implementation: pluggy.HookImpl, given: dict[str, Any]) -> Any:
    try:
        return implementation.function(*(given[name] for name in implementation.argnames))
    except MailsteadError:
        raise
    except (Exception, SystemExit) as error:
        problem = f"the hook {hook} failed: {type(error).__name__}: {error}"
        raise PlanError(
            problem, where=f"module {module}", hint="report it to its author"
        ) from error
