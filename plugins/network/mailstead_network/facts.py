"""What rendering needs to know of the machine's network."""

from __future__ import annotations

from mailstead.plugin import Machine


def find_interfaces(machine: Machine) -> dict[str, tuple[str, ...]]:
    """Give the addresses of each interface that is up."""
    return {item.name: item.addresses for item in machine.interfaces() if item.up}
