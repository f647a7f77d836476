"""Which messages of the queue are meant."""

from __future__ import annotations

import attrs

from mailstead_mail_smtp.queue.messages import NULL_SENDER, Message

EMPTY = "<>"  # asks for mail without a sender, as bounces are: RFC 5321 4.5.5


@attrs.frozen
class Filter:
    """What a message must be like; what is empty does not matter.

    Attributes:
        sender, recipient: a whole address, ``@`` and its domain, or a part of it; a sender may
            be `EMPTY`.
        reason: part of why it has not been delivered.
        queue: the queue it is in.
        before, since: it arrived before or at or after a point in time, seconds since the epoch.
    """

    sender: str = ""
    recipient: str = ""
    reason: str = ""
    queue: str = ""
    before: float | None = None
    since: float | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether all messages are meant."""
        return self == Filter()

    def meets(self, message: Message) -> bool:
        """Tell whether a message is meant. A recipient and a reason belong together."""
        return (
            self.queue in ("", message.queue)
            and (self.before is None or message.arrived < self.before)
            and (self.since is None or message.arrived >= self.since)
            and self._meets_sender(message)
            and (not (self.recipient or self.reason) or self._meets_recipient(message))
        )

    def _meets_sender(self, message: Message) -> bool:
        if self.sender == EMPTY:
            return message.sender == NULL_SENDER
        return _fits(self.sender, message.sender)

    def _meets_recipient(self, message: Message) -> bool:
        reason = self.reason.lower()
        return any(
            _fits(self.recipient, item.address) and reason in item.reason.lower()
            for item in message.recipients
        )


def _fits(wanted: str, address: str) -> bool:
    wanted, address = wanted.lower(), address.lower()
    if wanted.startswith("@"):
        return address.endswith(wanted)
    return wanted == address if "@" in wanted else wanted in address
