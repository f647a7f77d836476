"""The command ``account``: what its arguments mean."""

from __future__ import annotations

import pytest

from mailstead.errors import InvalidValue
from mailstead_mail_smtp.addresses.grammar import SMALLEST_MAILBOX
from mailstead_mail_smtp.cli.account import parse_quota


@pytest.mark.parametrize(
    ("text", "quota"),
    [("default", None), ("unlimited", 0), ("64K", SMALLEST_MAILBOX), ("2G", 2 << 30)],
)
def test_a_quota_is_read(text: str, quota: int | None) -> None:
    """A word or a size."""
    assert parse_quota(text) == quota


@pytest.mark.parametrize("text", ["0", "1", "63K", str(SMALLEST_MAILBOX - 1)])
def test_a_mailbox_that_holds_next_to_nothing_is_refused(text: str) -> None:
    """No mail would be taken; who wants no limit is told the word for it."""
    with pytest.raises(InvalidValue, match=r"^account\.quota: .* too few .*unlimited.* 64K"):
        parse_quota(text)
