"""Ask a module's functions about its daemons: do they run, where, and what proves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from mailstead.context import Context
from mailstead.guard import Deadline, guarded, listed, one
from mailstead.module import Daemon, Listen, Probe

Contents = Mapping[str, tuple[bytes | None, bytes | None]]
T = TypeVar("T")


@attrs.frozen
class DaemonQuestions:
    """Questions about one daemon of a module. Each raises PlanError when the module fails."""

    deadline: Deadline
    module: str
    daemon: Daemon

    def is_wanted(self, context: Context) -> bool:
        """Tell whether it shall run under a context."""
        ask = self.daemon.runs_when
        return self._ask("runs_when", lambda: one(ask(context), bool)) if ask else True

    def probes(self, context: Context) -> tuple[Probe, ...]:
        """Give what must answer under a context."""
        ask = self.daemon.probes
        return self._ask("probes", lambda: listed(ask(context), Probe)) if ask else ()

    def listens(self, context: Context) -> tuple[Listen, ...]:
        """Give the sockets it opens under a context."""
        ask = self.daemon.listens
        return self._ask("listens", lambda: listed(ask(context), Listen)) if ask else ()

    def restart_reason(self, contents: Contents) -> str:
        """Give why a reload is not enough for these changes, or ""."""
        ask = self.daemon.restart_when
        return self._ask("restart_when", lambda: one(ask(contents), str)) if ask else ""

    def _ask(self, what: str, call: Callable[[], Any]) -> Any:
        return guarded(self.deadline, self.module, f"{what} of {self.daemon.name}", call)
