"""Where a message ends, with the copies that are made of it: cleanup(8), `postfix.copies`."""

from __future__ import annotations

import attrs

from mailstead_mail_smtp.addresses.lookups import COPIES
from mailstead_mail_smtp.hookspecs import TraceQuestion, TraceStep
from mailstead_mail_smtp.postfix.copies import CLEANUP
from mailstead_mail_smtp.trace.delivery import Delivery, Expansion, copies, expand, route
from mailstead_mail_smtp.trace.live import Live


@attrs.define
class _Way:
    """What is found out on the way; ``copied`` are copies for catch-alls, by what asks for them."""

    live: Live
    steps: list[TraceStep] = attrs.field(factory=list)
    ends: dict[str, None] = attrs.field(factory=dict)
    copied: dict[str, str] = attrs.field(factory=dict)

    def follow(self, address: str) -> None:
        """Follow the aliases of an address."""
        expansions, ends = expand(self.live, address)
        for item in expansions:
            self._aliased(item)
        self.ends.update((end, None) for end in ends if not _is_copy(end))

    def arrive(self, address: str, behind: str, sender: str) -> None:
        """Follow a copy through its second pass."""
        expansions, ends = expand(self.live.of(f"{CLEANUP}/unix"), address)
        first = expansions[0].results if expansions else (address,)
        told = f"{sender} is told" if sender else "nobody is told"
        says = f"a blind copy goes to {', '.join(first)}; {told} if it bounces"
        self.steps.append(TraceStep("copy", says, behind))
        for item in expansions[1:]:
            self._aliased(item)
        self.ends.update(dict.fromkeys(ends))

    def _aliased(self, item: Expansion) -> None:
        others = tuple(address for address in item.results if not _is_copy(address))
        for address in item.results:
            if _is_copy(address):
                self.copied.setdefault(address, str(item.found))
        if others != (item.address,):
            says = f"{item.address} leads to {', '.join(others)}"
            self.steps.append(TraceStep("alias", says, str(item.found)))


def follow(
    live: Live, question: TraceQuestion
) -> tuple[tuple[TraceStep, ...], tuple[Delivery, ...]]:
    """Give what becomes of an accepted message, and where it ends. Raises LookupFailed."""
    way = _Way(live)
    way.follow(question.recipient)
    for found, address in copies(live, question.sender, question.recipient):
        if _is_copy(address):
            way.copied.setdefault(address, str(found))
            continue
        way.steps.append(TraceStep("copy", f"a blind copy goes to {address}", str(found)))
        way.follow(address)
    for address, behind in way.copied.items():
        way.arrive(address, behind, question.sender)
    deliveries = tuple(route(live, question.sender, address) for address in way.ends)
    return (*way.steps, *map(_delivered, deliveries)), deliveries


def _is_copy(address: str) -> bool:
    return address.endswith(f".{COPIES}")


def _delivered(item: Delivery) -> TraceStep:
    if item.error:
        return TraceStep("delivery", f"{item.address} comes back: {item.error}", item.behind)
    place = f" into {item.mailbox}" if item.mailbox else ""
    return TraceStep("delivery", f"{item.address} by {item.transport}{place}", item.behind)
