"""Whom the mail in quarantine goes to, and whether Postfix's maps still know them: postmap(1)."""

from __future__ import annotations

from collections.abc import Sequence

from mailstead.plugin import Context, Machine, NotFound
from mailstead_filter.quarantine import on_hold
from mailstead_mail_smtp.places import CONFIG
from mailstead_mail_smtp.postfix.sockets import SMTP
from mailstead_mail_smtp.queue.messages import Message
from mailstead_mail_smtp.trace.addresses import class_of, is_unlisted, look_ahead
from mailstead_mail_smtp.trace.live import Live, read_live

MAPS = ("virtual_alias_maps", "virtual_mailbox_maps")


def require_recipients(context: Context, machine: Machine, ids: Sequence[str]) -> None:
    """See that what is released comes to somebody: else it is returned to a forged sender.

    Raises NotFound for the first message of which a recipient is gone, MachineError.
    """
    config = context.path(CONFIG)
    live = read_live(machine, config, context.instance.port(*SMTP))
    if live is None:
        return
    wanted = set(ids)
    for message in on_hold(machine, config):
        if message.id in wanted:
            _require(live, message)


def _require(live: Live, message: Message) -> None:
    gone = _gone(live, [item.address for item in message.recipients])
    if not gone:
        return
    others = f" (and {len(gone) - 1} more)" if len(gone) > 1 else ""
    raise NotFound(
        f"nobody has the address {gone[0]}{others}: it would be returned to {message.sender}",
        where=f"queue id {message.id}",
        hint=f"run `mailstead quarantine delete {message.id}`, or add the address, "
        "or release it with --force",
    )


def _gone(live: Live, addresses: Sequence[str]) -> list[str]:
    for name in MAPS:
        look_ahead(live, name, addresses)
    return [item for item in addresses if is_unlisted(live, item, class_of(live, item))]
