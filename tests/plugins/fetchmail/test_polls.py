"""Whose turn it is, and what polls came to."""

from __future__ import annotations

import sqlalchemy as sa

from mailstead_fetchmail import accounts
from mailstead_fetchmail.accounts import Choices
from mailstead_fetchmail.polls import Poll, begin_poll, due_accounts, end_poll, last_poll
from tests.plugins.fetchmail.test_accounts import add

PERIOD = 180.0


def due(connection: sa.Connection, now: float, limit: int = 10) -> list[int]:
    """Give the numbers whose turn it is."""
    return [item.account_id for item in due_accounts(connection, now, PERIOD, limit)]


def record_poll(connection: sa.Connection, poll: Poll) -> None:
    """Let a poll begin and end."""
    begin_poll(connection, poll.account_id, poll.at)
    end_poll(connection, poll, is_finished=True)


def test_an_account_waits_for_the_period(connection: sa.Connection) -> None:
    """Counted from when its last poll began; a new one does not wait."""
    add(connection)
    assert due(connection, 1001.0) == [1]
    record_poll(connection, Poll(1, 1001.0))
    assert due(connection, 1180.9) == []
    assert due(connection, 1181.0) == [1]


def test_a_changed_account_does_not_wait(connection: sa.Connection) -> None:
    """Whatever was changed."""
    add(connection)
    record_poll(connection, Poll(1, 1001.0, error="wrong password"))
    accounts.change_account(connection, 1, Choices(keep=True), 1002.0)
    assert due(connection, 1003.0) == [1]


def test_a_clock_that_was_set_back_holds_up_nothing(connection: sa.Connection) -> None:
    """A poll of the future counts as none."""
    add(connection)
    record_poll(connection, Poll(1, 9000.0))
    assert due(connection, 2000.0) == [1]


def test_who_waits_longest_comes_first(connection: sa.Connection) -> None:
    """And no more than there is room for."""
    for owner, at in (("ada", 1200.0), ("bob", 1100.0)):
        record_poll(connection, Poll(add(connection, owner).id, at))
    add(connection, login="new")
    assert due(connection, 5000.0) == [3, 2, 1]
    assert due(connection, 5000.0, limit=2) == [3, 2]


def test_the_last_success_is_remembered_over_errors(connection: sa.Connection) -> None:
    """As long as the account is there."""
    add(connection)
    record_poll(connection, Poll(1, 1100.0, error="oops"))
    record_poll(connection, Poll(1, 1300.0, fetched=3))
    assert last_poll(connection, 1) == Poll(1, 1300.0, 1300.0, 3)
    record_poll(connection, Poll(1, 1500.0, error="oops"))
    assert last_poll(connection, 1) == Poll(1, 1500.0, 1300.0, 0, "oops")
    accounts.remove_account(connection, 1)
    end_poll(connection, Poll(1, 1700.0), is_finished=True)
    assert last_poll(connection, 1) is None


def test_what_is_busy_is_left_out(connection: sa.Connection) -> None:
    """Whoever else waits comes then, however many accounts one has."""
    for number in range(4):
        add(connection, login=f"ada{number}")
    add(connection, "bob")
    places = [("imap.work.example", f"ada{number}") for number in (0, 1, 3)]
    found = due_accounts(connection, 5000.0, PERIOD, 2, busy_places=places)
    assert [(item.account_id, item.place[1]) for item in found] == [(3, "ada2"), (5, "ada@work")]
    found = due_accounts(connection, 5000.0, PERIOD, 2, busy=[1, 2])
    assert [(item.account_id, item.user_id) for item in found] == [(3, 1), (4, 1)]
    found = due_accounts(connection, 5000.0, PERIOD, 2, busy=[1, 2], busy_users=[1])
    assert [(item.account_id, item.user_id) for item in found] == [(5, 2)]


def test_a_poll_that_was_cut_short_is_remembered_until_one_is_finished(
    connection: sa.Connection,
) -> None:
    """By when the first of them began."""
    add(connection)
    assert begin_poll(connection, 1, 1100.0) is None
    assert last_poll(connection, 1) is None
    assert due(connection, 1101.0) == [1]
    assert begin_poll(connection, 1, 1200.0) == 1100.0
    end_poll(connection, Poll(1, 1200.0, error="the connection was lost"), is_finished=False)
    assert begin_poll(connection, 1, 1400.0) == 1100.0
    end_poll(connection, Poll(1, 1400.0), is_finished=True)
    assert begin_poll(connection, 1, 1600.0) is None
