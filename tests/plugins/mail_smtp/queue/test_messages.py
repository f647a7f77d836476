"""Reading lines of postqueue -j, also hostile ones."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.plugin import MachineError
from mailstead_mail_smtp.queue.messages import Message, Recipient, parse_line

LINE = (
    '{"queue_name": "deferred", "queue_id": "4jZ9Hg56wZzJLgn", "arrival_time": 1795589311, '
    '"message_size": 353, "forced_expire": false, "sender": "a@example.net", "recipients": '
    '[{"address": "b@x.example", "delay_reason": "refused"}, {"address": "c@x.example"}]}'
)
MESSAGE = Message(
    "4jZ9Hg56wZzJLgn", "deferred", 353, 1795589311.0, "a@example.net",
    (Recipient("b@x.example", "refused"), Recipient("c@x.example", "")),
)  # fmt: skip
ADDRESSES = st.lists(st.tuples(st.text(), st.text()), max_size=5)


def line_of(sender: str, recipients: list[tuple[str, str]]) -> str:
    """Write a line as Postfix does."""
    made = json.loads(LINE) | {"sender": sender}
    made["recipients"] = [{"address": to, "delay_reason": why} for to, why in recipients]
    return json.dumps(made)


def test_a_line_is_read() -> None:
    """Every member; a recipient without a reason was not tried yet."""
    assert parse_line(LINE) == MESSAGE


def test_members_that_come_later_are_passed_over() -> None:
    """The manual page says that there will be more."""
    assert parse_line(LINE.replace('"sender"', '"colour": {"a": [1]}, "sender"')) == MESSAGE


@given(st.text(), ADDRESSES)
def test_any_text_comes_through(sender: str, recipients: list[tuple[str, str]]) -> None:
    """Addresses and reasons are a stranger's words."""
    found = parse_line(line_of(sender, recipients))
    assert found.sender == sender
    assert [(item.address, item.reason) for item in found.recipients] == recipients


@given(st.text(), ADDRESSES, st.data())
def test_of_a_line_that_was_cut_whole_recipients_are_left(
    sender: str, recipients: list[tuple[str, str]], data: st.DataObject
) -> None:
    """Never half an address, nor one that a stranger wrote into another's reason."""
    line = line_of(sender, [*recipients, ("last", '}, {"address": "no@one.example"')])
    cut = line[: data.draw(st.integers(0, len(line) - 1))]
    try:
        found = parse_line(cut)
    except MachineError:
        return
    assert found.is_cut
    whole = [(item.address, item.reason) for item in found.recipients]
    assert whole == recipients[: len(whole)]


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_what_is_no_message_is_refused(line: str) -> None:
    """With the command's name, and never another error."""
    with pytest.raises(MachineError, match="postqueue -j"):
        parse_line(line)
