"""What other modules may add to mail retrieval. Public."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from mailstead.plugin import Context, Say, hookspec

if TYPE_CHECKING:
    from mailstead_mail_retrieval.clients import ClientService


@attrs.frozen
class Listener:
    """A port that another module's file lets Dovecot open.

    Attributes:
        service: name for people, and of the row in `network.service_addresses`.
        addresses: those it listens on; none means all of the machine's.
        turns: what a client says and must hear; begins in the clear.
    """

    service: str
    port: int
    addresses: Sequence[str]
    turns: Sequence[Say]


class Hooks:
    """Hooks of mail_retrieval; pure functions of the context."""

    @hookspec
    def client_services(self, context: Context) -> Sequence[ClientService]:
        """Give further services that a user's programs can use, such as ManageSieve."""
        raise NotImplementedError

    @hookspec
    def dovecot_listeners(self, context: Context) -> Sequence[Listener]:
        """Give the ports that this module's file in ``mailstead.d`` opens.

        They are looked at before a save, whether they are free, and after it, whether they answer.
        """
        raise NotImplementedError
