"""When a mailbox has room, and what Postfix is told to ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead_mail_retrieval.room import ASK, has_room, query
from mailstead_mail_retrieval.usage import Usage
from tests.plugins.contexts import bench


@pytest.mark.parametrize(
    ("size", "limit", "largest", "has"),
    [
        (0, None, 50, True),  # without a limit
        (10**9, 0, 50, True),
        (50, 100, 50, True),  # half full, and the largest message fits
        (51, 100, 50, False),  # Dovecot told already
        (0, 100, 51, False),  # it could be full before Dovecot tells
        (200, 100, 1, False),
    ],
)
def test_a_mailbox_has_room(size: int, limit: int | None, largest: int, has: bool) -> None:
    """While any message fits, and Dovecot will tell before none does."""
    assert has_room(Usage(size, limit, 1), largest) is has


def test_the_query_holds_the_settings_it_depends_on(tmp_path: Path) -> None:
    """So that what was found out under others does not count."""
    with bench(tmp_path) as made:
        before = query(made.context())
        made.set("mail_retrieval.mailboxes", size=1 << 20)
        made.set("mail_smtp.options", message_size=1000)
        after = query(made.context())
    assert f"terms = '0 {100 << 20}'" in before
    assert "terms = '1048576 1000'" in after
    assert after.endswith(f"ELSE '{ASK}' END")
