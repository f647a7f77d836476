"""An instance: prefix, addresses, ports and service control.

`/` with standard ports is the real machine. Any other folder, with loopback addresses and
other ports, is a complete, disposable sandbox with real daemons. What an instance is stands
in ``<prefix>/etc/mailstead/instance.toml`` and never changes by saving.
"""

from __future__ import annotations

from typing import Literal

import attrs

from mailstead.machine.values import Path

CONFIG = "/etc/mailstead/instance.toml"
STATE = "/var/lib/mailstead"


@attrs.frozen
class Instance:
    """Where a Mailstead lives.

    Attributes:
        prefix: the folder that stands for `/`.
        addresses: the addresses its services listen on; empty means all of the machine's.
        port_offset: added to every standard port below `ports`.
        ports: service name to port, for those that do not follow the offset.
        outside: where a sandbox sends mail for the rest of the world, as ``[address]:port``;
            empty on a real machine, which asks the DNS.
        soak: seconds a daemon must keep its process after a change, before it is believed.
    """

    prefix: Path
    kind: Literal["system", "sandbox"] = "system"
    addresses: tuple[str, ...] = ()
    port_offset: int = 0
    ports: dict[str, int] = attrs.field(factory=dict)
    outside: str = ""
    soak: float = 5.0

    @property
    def is_sandbox(self) -> bool:
        """Tell whether this is a sandbox."""
        return self.kind == "sandbox"

    def path(self, path: str) -> Path:
        """Give the real path of a system path (absolute, as in the manual pages)."""
        return self.prefix / path.lstrip("/")

    def state_path(self, name: str = "") -> Path:
        """Give the real path of a file of Mailstead's own."""
        return self.path(f"{STATE}/{name}" if name else STATE)

    def port(self, service: str, standard: int) -> int:
        """Give the port a service listens on here."""
        return self.ports.get(service, standard + self.port_offset)
