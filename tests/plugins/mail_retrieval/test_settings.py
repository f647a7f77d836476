"""What is refused as soon as it is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.errors import InvalidValue
from mailstead_mail_smtp.addresses.grammar import SMALLEST_MAILBOX
from tests.plugins.contexts import bench

MAILBOXES = "mail_retrieval.mailboxes"


@pytest.mark.parametrize("size", [0, 1, "63K", SMALLEST_MAILBOX - 1])
def test_a_size_that_hardly_a_message_fits_in_is_refused(tmp_path: Path, size: object) -> None:
    """0 would be no limit to Dovecot, and 1 would close every mailbox."""
    with bench(tmp_path) as made:
        with pytest.raises(InvalidValue, match=r"^mail_retrieval\.mailboxes\.size: .*64K.*unset"):
            made.set(MAILBOXES, size=size)
        made.set(MAILBOXES, size=SMALLEST_MAILBOX)
        made.set(MAILBOXES, size="")
