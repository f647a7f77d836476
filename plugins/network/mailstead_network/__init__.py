"""Who this machine is and who is around it; other modules ask, this one runs nothing."""

from __future__ import annotations

from mailstead.plugin import Fact, Module
from mailstead_network.facts import find_interfaces
from mailstead_network.names import problems
from mailstead_network.settings import Host, Members, Objects, ServiceAddresses

module = Module(
    sections=(Host, Objects, Members, ServiceAddresses),
    facts=(
        Fact("hostname", lambda machine: machine.hostname()),
        Fact("interfaces", find_interfaces),
    ),
    validate=problems,
)
