"""What a module's functions are given: the settings asked about, facts, the instance.

A context is a snapshot. The same context gives the same files, always.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from mailstead.instance import Instance
    from mailstead.machine.values import Path
    from mailstead.settings.view import Settings

Collect = Callable[..., tuple[tuple[str, Any], ...]]


@attrs.frozen
class Context:
    """A snapshot for one plan.

    Attributes:
        settings: a read-only view of running or of the draft.
        instance: where this Mailstead lives.
        facts: by name, as found at plan time.
        enabled: ids of the modules that are enabled in this view, in dependency order.
        collect: calls a hook of other modules, one by one in dependency order, and gives
            (module id, result) pairs. Modules wrap it in one typed function per hook.
    """

    settings: Settings
    instance: Instance
    facts: Mapping[str, Any]
    enabled: tuple[str, ...]
    collect: Collect

    def path(self, path: str) -> Path:
        """Give the real path of a system path."""
        return self.instance.path(path)

    def is_enabled(self, module: str) -> bool:
        """Tell whether a module is enabled in this view."""
        return module in self.enabled
