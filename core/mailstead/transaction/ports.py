"""Refuse a plan whose daemons would find their ports taken, naming who holds them."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from mailstead.context import Context
from mailstead.errors import PlanError
from mailstead.machine.base import Machine
from mailstead.machine.values import Listener
from mailstead.module import Daemon, Listen
from mailstead.registry import Registry
from mailstead.transaction.daemons import DaemonQuestions
from mailstead.transaction.services import Controls

ANY = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


@attrs.frozen
class PortCheck:
    """Compares the sockets that daemons will open with those that are open."""

    machine: Machine
    registry: Registry
    controls: Controls

    def refuse_taken(self, context: Context, starting: frozenset[str]) -> None:
        """Raise PlanError for the first port that somebody else holds.

        Args:
            context: the target.
            starting: names of the daemons that are started, restarted or reloaded.
        """
        wanted = list(self._wanted(context, starting))
        if not wanted:
            return
        open_sockets = self.machine.listeners()
        for module, daemon, socket in wanted:
            for holder in open_sockets:
                if _clash(socket, holder) and not self._is_own(daemon, holder):
                    raise _taken(module, socket, holder)

    def _wanted(
        self, context: Context, starting: frozenset[str]
    ) -> Iterator[tuple[str, Daemon, Listen]]:
        for module in context.enabled:
            for daemon in self.registry.module(module).daemons:
                if daemon.name in starting:
                    ask = DaemonQuestions(self.machine.deadline, module, daemon)
                    for socket in ask.listens(context):
                        yield module, daemon, socket

    def _is_own(self, daemon: Daemon, holder: Listener) -> bool:
        state = self.controls(daemon).state()
        if state is None or holder.pid is None:
            return False
        return holder.pid == state.pid or state.pid in self.machine.ancestors(holder.pid)


def _clash(socket: Listen, holder: Listener) -> bool:
    if socket.port != holder.port:
        return False
    if socket.address in ANY or holder.address in ANY:
        return True
    return socket.address == holder.address


def _taken(module: str, socket: Listen, holder: Listener) -> PlanError:
    who = f"{holder.process} (process {holder.pid})" if holder.pid else "another process"
    address = holder.address or "all addresses"
    return PlanError(
        f"port {socket.port} ({socket.service}) on {address} is in use by {who}",
        where=f"module {module}",
        hint="stop that process, or give the service another address",
    )
