"""Starting, stopping and watching one daemon: which way a machine and instance does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailstead.errors import MachineError
from mailstead.machine.base import Machine, ServiceControl
from mailstead.machine.native import NativeService
from mailstead.machine.systemd import SystemdService

if TYPE_CHECKING:
    from mailstead.instance import Instance
    from mailstead.module import Daemon

__all__ = ["NativeService", "SystemdService", "service_for"]


def service_for(machine: Machine, instance: Instance, daemon: Daemon) -> ServiceControl:
    """Give the control of a daemon: systemd on a real machine that has it, else native.

    Raises:
        MachineError: the daemon declares no way that works here.
    """
    native = NativeService(machine, instance, daemon.name, daemon.native) if daemon.native else None
    if daemon.unit and not instance.is_sandbox and machine.has_systemd():
        return SystemdService(machine, daemon.unit, daemon.main_unit, native)
    if native is not None:
        return native
    raise MachineError(
        "it can only be controlled by systemd, which is not in charge here",
        where=daemon.name,
        hint="declare native commands for it, or use a machine booted with systemd",
    )
