"""Waiting for something to become true, on the machine's own clock."""

from __future__ import annotations

from collections.abc import Callable

from mailstead.machine.base import Machine
from mailstead.machine.values import ProcessState

STEP = 0.05


def wait_until(machine: Machine, true: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until a condition holds; False when it does not within the time."""
    deadline = machine.boot_clock() + seconds
    while not true():
        if machine.boot_clock() >= deadline:
            return False
        machine.sleep(STEP)
    return True


def is_gone(machine: Machine, old: ProcessState) -> bool:
    """Tell whether a process has ended, even if its id lives on in another."""
    now = machine.process(old.pid)
    return now is None or now.started != old.started
