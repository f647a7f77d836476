"""Where a message ends, with the copies that are made of it: `postfix.copies`.

cleanup(8) follows aliases and makes copies; local(8) sends on what its own aliases say.
"""

from __future__ import annotations

import attrs

from mailstead_mail_smtp.addresses.lookups import COPIES
from mailstead_mail_smtp.hookspecs import TraceQuestion, TraceStep
from mailstead_mail_smtp.postfix.copies import CLEANUP
from mailstead_mail_smtp.trace.addresses import class_of
from mailstead_mail_smtp.trace.delivery import Expansion, copies, expand, forward, is_address
from mailstead_mail_smtp.trace.live import Live

DEPTH = "virtual_alias_recursion_limit"


@attrs.frozen
class Ends:
    """Where aliases and copies lead.

    ``is_endless`` when the aliases of the message itself have no end: Postfix takes no such mail.
    """

    steps: tuple[TraceStep, ...]
    addresses: tuple[str, ...]
    is_endless: bool


@attrs.define
class _Way:
    """What is found out on the way.

    ``copied`` are copies for catch-alls, by what asks for them; ``arrived`` are catch-alls that get
    one, which they do once; ``forwarded`` are addresses whose mail local(8) sends on, once too.
    """

    live: Live
    steps: list[TraceStep] = attrs.field(factory=list)
    ends: dict[str, None] = attrs.field(factory=dict)
    copied: dict[str, str] = attrs.field(factory=dict)
    arrived: set[tuple[str, ...]] = attrs.field(factory=set)
    forwarded: set[str] = attrs.field(factory=set)
    is_endless: bool = False

    def follow(self, address: str) -> bool:
        """Follow the aliases of an address; tell whether they have an end."""
        found = expand(self.live, address)
        for item in found.steps:
            self._aliased(item)
        if found.is_endless:
            self._endless(address)
            return False
        for end in found.ends:
            if _is_copy(end):
                self.copy(end, "transport_maps")
            else:
                self._end(end)
        return True

    def copy(self, address: str, behind: str) -> None:
        """Note a copy for a catch-all: extensions do not count, several to one are one."""
        domain = address.rpartition("@")[2]
        self.copied.setdefault(f"copy@{domain}", behind)

    def arrive(self, address: str, behind: str, sender: str) -> None:
        """Follow a copy through its second pass."""
        found = expand(self.live.of(f"{CLEANUP}/unix"), address)
        first = found.steps[0].results if found.steps else (address,)
        if first in self.arrived:
            return
        self.arrived.add(first)
        told = f"{sender} is told" if sender else "nobody is told"
        says = f"a blind copy goes to {', '.join(first)}; {told} if it bounces"
        self.steps.append(TraceStep("copy", says, behind))
        for item in found.steps[1:]:
            self._aliased(item)
        if found.is_endless:
            self._endless(", ".join(first))
            return
        for end in found.ends:
            self._end(end)

    def _end(self, address: str) -> None:
        """Note an end, or where local(8) sends on what ends there."""
        if address in self.forwarded:
            return
        found = forward(self.live.of("local/unix"), address)
        if found is None:
            self.ends[address] = None
            return
        self.forwarded.add(address)
        self._aliased(found)
        for target in found.results:
            if not is_address(target):
                self.ends[address] = None
            elif class_of(self.live, target) == "local":
                self._end(target)
            else:
                self.follow(target)

    def _aliased(self, item: Expansion) -> None:
        others = tuple(address for address in item.results if not _is_copy(address))
        for address in item.results:
            if _is_copy(address):
                self.copy(address, str(item.found))
        if others != (item.address,):
            says = f"{item.address} leads to {', '.join(others)}"
            self.steps.append(TraceStep("alias", says, str(item.found)))

    def _endless(self, address: str) -> None:
        says = f"{address} leads in a circle, or to more than Postfix follows"
        self.steps.append(TraceStep("alias", says, DEPTH))


def follow(live: Live, question: TraceQuestion) -> Ends:
    """Give what becomes of an accepted message, and where it ends. Raises LookupFailed."""
    way = _Way(live)
    way.is_endless = not way.follow(question.recipient)
    for found, address in copies(live, question.sender, question.recipient):
        if _is_copy(address):
            way.copy(address, str(found))
            continue
        way.steps.append(TraceStep("copy", f"a blind copy goes to {address}", str(found)))
        way.is_endless |= not way.follow(address)
    arrived: set[str] = set()
    while not way.is_endless and (left := [it for it in way.copied if it not in arrived]):
        arrived.add(left[0])
        way.arrive(left[0], way.copied[left[0]], question.sender)
    return Ends(tuple(way.steps), tuple(way.ends), way.is_endless)


def _is_copy(address: str) -> bool:
    return address.endswith(f".{COPIES}")
