"""Accounts that lead back to this server."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.errors import InvalidValue, StaysThere
from mailstead_fetchmail.circles import mark_of, refuse_ourselves, refusing
from tests.plugins.contexts import MODULES, SANDBOX, SYSTEM, bench
from tests.plugins.fetchmail.conftest import KEY

MARK = mark_of(KEY, 7)


@pytest.mark.parametrize(
    "server",
    ["mail.example.net", "localhost", "127.0.0.1", "127.0.0.2", "192.0.2.2", "2001:db8::2", "::1"],
)
def test_an_account_at_this_server_is_refused(tmp_path: Path, server: str) -> None:
    """By whichever of its names and addresses, at a port where Dovecot listens."""
    with bench(tmp_path, (*MODULES, "fetchmail")) as made:
        context = made.context(SYSTEM)
        for port in (143, 993, 110, 995):
            with pytest.raises(InvalidValue, match=r"external\.server: .*round in a circle"):
                refuse_ourselves(context, server, port)
        refuse_ourselves(context, server, 1993)


def test_another_server_beside_it_is_not_refused(tmp_path: Path) -> None:
    """A sandbox has an address and ports of its own."""
    with bench(tmp_path, (*MODULES, "fetchmail")) as made:
        context = made.context(SANDBOX)
        for server, port in (("localhost", 20993), ("127.7.8.9", 993), ("imap.example.net", 20993)):
            refuse_ourselves(context, server, port)
        with pytest.raises(InvalidValue, match="this server itself"):
            refuse_ourselves(context, "127.7.8.9", 20993)


def test_what_the_account_brought_before_stays_there() -> None:
    """By its mark in the header, and by no mark of another account's or in the text."""
    is_known = refusing(MARK, lambda header: b"known" in header)
    for header in (b"A: b\r\n" + MARK + b"\r\nC: d", MARK + b"\r\nSubject: known"):
        with pytest.raises(StaysThere, match="round in a circle"):
            is_known(header + b"\r\n\r\ntext")
    assert not is_known(b"A: b\r\n" + mark_of(KEY, 8) + b"\r\n\r\ntext")
    assert not is_known(b"A: b\r\n\r\n" + MARK + b"\r\n")
    assert is_known(b"Subject: known\r\n\r\n")
    assert not refusing(MARK, None)(b"Subject: known\r\n\r\n")


def test_a_mark_is_no_other_accounts_or_servers() -> None:
    """It is always the same for one account."""
    assert MARK == mark_of(KEY, 7)
    assert len({MARK, mark_of(KEY, 8), mark_of(KEY[::-1], 7)}) == 3
