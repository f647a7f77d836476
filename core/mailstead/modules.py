"""Which modules are enabled: the core's own settings, saved like any other."""

from __future__ import annotations

from mailstead.settings import types
from mailstead.settings.declare import field, table

CORE = "core"
PATH = "core.module_state"


@table(title="Module states", key=("id",), hidden=True)
class ModuleState:
    """One row per module that was ever enabled."""

    id: types.Name = field(help="module id")
    enabled: bool = field(default=False, help="its daemons run and its files are ours")
    restore: bool = field(
        default=False, help="when it is disabled, put back the files that stood there before it"
    )
