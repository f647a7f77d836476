"""Mail that waits: listed, shown, held, tried, taken in anew, deleted, in a real Postfix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.system.sandbox import OFFICE, Sandbox, free_place, message, wait_until

HOSTILE = (
    b"From: bob@outside.example\r\nSubject: \x1b]0;owned\x07\x1b[31m red\r\n"
    b"X-Order: \xe2\x80\xaetxt.exe\r\n\r\nbell \x07 back\x08space\r\n<script>alert(1)</script>\r\n"
)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Give a server whose outside does not answer."""
    address, port = free_place()
    made = Sandbox.make(outside=f"[{address}]:{port}")
    try:
        made.run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
        made.run("enable", "mail_smtp", "--yes")
        made.run("object", "add", "office")
        made.run("object", "add-member", "office", OFFICE)
        made.run("save")
        made.run("relay", "allow", "office")
        made.run("save")
        yield made
    finally:
        made.destroy()


@pytest.fixture
def waiting(box: Sandbox) -> Iterator[list[str]]:
    """Give the ids of two messages, to ada and to bob and carol, that could not be delivered."""
    with box.smtp(source=OFFICE) as client:
        client.send_message(message("grace@example.net", "ada@outside.example"))
        client.sendmail(
            "bob@example.net", ["bob@outside.example", "carol@outside.example"], HOSTILE
        )
    wait_until(lambda: [item["queue"] for item in queue(box)] == ["deferred"] * 2)
    yield [item["id"] for item in queue(box)]
    box.run("queue", "delete", "--all", "--yes")
    assert queue(box) == []


def queue(box: Sandbox, *words: str) -> list[dict[str, Any]]:
    """List the queue."""
    found: list[dict[str, Any]] = box.json("queue", "list", *words)
    return found


def queues(box: Sandbox) -> dict[str, str]:
    """Give the queue each message is in, by id."""
    return {item["id"]: item["queue"] for item in queue(box)}


def test_a_list_tells_all_that_postfix_knows(box: Sandbox, waiting: list[str]) -> None:
    """Id, queue, size, date, sender, and each recipient with its reason."""
    first, second = queue(box)
    assert first["id"] == waiting[0]
    assert (first["sender"], first["size"] > 100) == ("grace@example.net", True)
    assert [item["address"] for item in second["recipients"]] == [
        "bob@outside.example", "carol@outside.example",
    ]  # fmt: skip
    assert all("Connection refused" in item["reason"] for item in second["recipients"])
    shown = box.run("queue", "list").stdout
    assert waiting[0] in shown
    assert "carol@outside.example" in shown
    (count,) = box.json("queue", "count")
    assert (count["queue"], count["messages"]) == ("deferred", 2)


def test_filters_and_pages_find_messages(box: Sandbox, waiting: list[str]) -> None:
    """By sender, recipient, reason, queue and age; a page after another."""
    first, second = waiting
    asked = {
        ("--sender", "grace@example.net"): [first], ("--sender", "race@example.net"): [],
        ("--recipient", "carol"): [second], ("--reason", "refused"): [first, second],
        ("--queue", "hold"): [], ("--older", "1h"): [], ("--newer", "1h"): [first, second],
        ("--limit", "1"): [first], ("--limit", "1", "--after", first): [second],
    }  # fmt: skip
    assert asked == {words: [item["id"] for item in queue(box, *words)] for words in asked}


def test_mail_without_a_sender_is_found(box: Sandbox, waiting: list[str]) -> None:
    """As SMTP writes it, or as the list does; what changes wants it said."""
    with box.smtp(source=OFFICE) as client:
        client.sendmail("", "dora@outside.example", b"Subject: bounce\r\n\r\n")
    wait_until(lambda: [item["queue"] for item in queue(box)] == ["deferred"] * 3)
    for asked in ("<>", "", "MAILER-DAEMON"):
        (found,) = queue(box, "--sender", asked)
        assert found["recipients"][0]["address"] == "dora@outside.example"
    assert "queue.sender" in box.run("queue", "delete", "--yes", "--sender", "", status=2).stderr
    box.run("queue", "delete", "--yes", "--sender", "<>")
    assert set(queues(box)) == set(waiting)


def test_a_hostile_message_is_shown_and_does_nothing(box: Sandbox, waiting: list[str]) -> None:
    """Escapes, bells and the override of writing direction are visible; JSON has the text."""
    shown = box.run("queue", "show", waiting[1]).stdout
    assert "\\x1b]0;owned\\x07\\x1b[31m red" in shown
    assert "\\u202etxt.exe" in shown
    assert "back\\x08space" in shown
    assert "<script>alert(1)</script>" in shown
    assert all(char.isprintable() or char == "\n" for char in shown)
    found = box.run("--json", "queue", "show", waiting[1])
    assert "\x1b]0;owned" in found.json["content"]
    assert all(char.isprintable() or char == "\n" for char in found.stdout)
    header = box.json("queue", "show", waiting[1], "--headers")["content"]
    assert "Subject:" in header
    assert "script" not in header


def test_held_messages_stay_until_they_are_released(box: Sandbox, waiting: list[str]) -> None:
    """A flush leaves them alone."""
    first, second = waiting
    box.run("queue", "hold", first)
    box.run("queue", "flush")
    tried = box.run("queue", "retry", first, second)
    assert "1 message will be tried now" in tried.stdout
    assert first in tried.stderr
    assert queues(box)[first] == "hold"
    box.run("queue", "release", first)
    box.run("queue", "retry", first)
    assert set(queues(box)) == {first, second}
    assert "hold" not in queues(box).values()


def test_a_requeued_message_comes_again_under_another_id(box: Sandbox, waiting: list[str]) -> None:
    """Pickup takes it in at a flush."""
    box.run("queue", "requeue", "--all", "--yes")
    box.run("queue", "flush")
    wait_until(lambda: not set(waiting) & set(queues(box)) and len(queue(box)) == 2)


def test_a_requeued_message_keeps_whom_aliases_led_to(box: Sandbox, waiting: list[str]) -> None:
    """Of what changed since, only what has to do with the addresses in the queue is seen."""
    old, new, info = "old@outside.example", "new@outside.example", "info@ours.example"
    box.run("domain", "add", "ours.example")
    box.run("save")
    box.run("alias", "add", info, "--external", old)
    with box.smtp(source=OFFICE) as client:
        client.send_message(message("grace@example.net", info))
        client.send_message(message("grace@example.net", "x@later.example"))
    wait_until(lambda: [item["queue"] for item in queue(box)] == ["deferred"] * 4)
    box.run("alias", "remove", info)
    box.run("alias", "add", info, "--external", new)
    box.run("domain", "add", "later.example")
    box.run("save")
    box.run("alias", "add", "x@later.example", "--external", new)
    ids = set(queues(box)) - set(waiting)
    box.run("queue", "requeue", *ids)
    box.run("queue", "flush")
    wait_until(lambda: not ids & set(queues(box)) and len(queue(box)) == 4)
    found = {to["address"] for item in queue(box) for to in item["recipients"]}
    assert found & {old, new, info, "x@later.example"} == {old, new}


def test_a_deletion_is_asked_about_and_written_down(box: Sandbox, waiting: list[str]) -> None:
    """By id, and by a filter with the number it finds."""
    first, second = waiting
    refused = box.run("queue", "delete", "--recipient", "@outside.example", status=4)
    assert "Delete 2 messages" in refused.stderr
    box.run("queue", "delete", first, "--yes")
    assert set(queues(box)) == {second}
    box.run("queue", "delete", "--recipient", "carol", "--yes")
    assert queue(box) == []
    events = box.run("audit").stdout
    assert "1 of 1 message: recipient carol" in events


def test_the_mail_log_follows_what_is_done_with_the_queue(box: Sandbox, waiting: list[str]) -> None:
    """As postsuper(1) and pickup(8) of this Postfix tell it: nothing gone is told to wait."""
    box.run("enable", "mail_log", "--yes")
    box.run("save")
    try:
        first, second = waiting
        box.run("queue", "delete", first, "--yes")
        box.run("queue", "requeue", second)
        box.run("queue", "flush")
        wait_until(lambda: [item["queue"] for item in queue(box)] == ["deferred"])
        rows = box.json("log", "search", "--status", "deferred")
        assert {row["queue_id"] for row in rows} == {queue(box)[0]["id"]}
        deleted = box.json("log", "search", "--status", "deleted")
        assert first in {row["queue_id"] for row in deleted}
        steps = box.json("log", "show", queue(box)[0]["id"])
        assert {step["queue_id"] for step in steps} == {second, queue(box)[0]["id"]}
    finally:
        box.run("disable", "mail_log", "--yes")
        box.run("save")


def test_words_that_are_no_ids_are_refused(box: Sandbox, waiting: list[str]) -> None:
    """ALL, options and strangers; nothing is deleted on the way."""
    for command, word in (("delete", "ALL"), ("hold", "-d"), ("requeue", "../x"),
                          ("delete", "0000000000"), ("retry", "0000000000")):  # fmt: skip
        box.run("--yes", "queue", command, "--", waiting[0], word, status=2)
    box.run("queue", "show", "0000000000", status=2)
    assert "queue.id" in box.run("queue", "list", "--after", "../x", status=2).stderr
    box.run("queue", "delete", "--yes", status=2)
    box.run("queue", "delete", "--yes", "--all", waiting[0], status=2)
    assert set(queues(box)) == set(waiting)


def test_a_stopped_postfix_is_not_an_empty_queue(box: Sandbox, waiting: list[str]) -> None:
    """The queue is read and changed; what needs a running Postfix says so."""
    box.run("stop", "--yes")
    try:
        listed = box.run("queue", "list")
        assert waiting[0] in listed.stdout
        assert "Postfix is stopped" in listed.stderr
        assert "mailstead start" in box.run("queue", "flush", status=1).stderr
        box.run("queue", "requeue", *waiting)
        assert queues(box) == dict.fromkeys(waiting, "maildrop")
        box.run("queue", "delete", "--all", "--yes")
        assert queue(box) == []
    finally:
        box.run("start")
