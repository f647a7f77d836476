"""What other modules may add to mail retrieval. Public."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailstead.plugin import Context, hookspec

if TYPE_CHECKING:
    from mailstead_mail_retrieval.clients import ClientService


class Hooks:
    """Hooks of mail_retrieval; pure functions of the context."""

    @hookspec
    def client_services(self, context: Context) -> Sequence[ClientService]:
        """Give further services that a user's programs can use, such as ManageSieve."""
        raise NotImplementedError
