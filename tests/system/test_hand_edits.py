"""Hand edits of a real Postfix's main.cf: shown, merged, checked, kept aside."""

from __future__ import annotations

from pathlib import Path

from tests.system.sandbox import Sandbox

MAIN_CF = "/etc/postfix/main.cf"


def test_a_hand_edit_of_main_cf_is_merged_and_postfix_serves_both(sandbox: Sandbox) -> None:
    """The admin's comment and parameter stay, and the new host name is announced.

    What would break Postfix is refused at the plan, naming the file.
    """
    sandbox.run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
    sandbox.run("enable", "mail_smtp", "--yes")
    sandbox.run("save")
    path = sandbox.path(MAIN_CF)
    _append(path, "# ours is a slow link\nsmtpd_timeout = 77s\n")
    sandbox.run("settings", "set", "network.host", "hostname=post")
    _it_is_shown_and_asked_about(sandbox)
    sandbox.run("save", "--merge", MAIN_CF)
    _both_are_served(sandbox, path)
    _later_saves_merge_again(sandbox, path)
    _a_broken_edit_is_refused(sandbox, path)
    _the_edit_lies_aside(sandbox, path)


def _it_is_shown_and_asked_about(sandbox: Sandbox) -> None:
    plan = sandbox.json("plan")
    (edit,) = plan["edits"]
    assert (edit["path"], edit["asks"], edit["merge"]["conflicts"]) == (MAIN_CF, True, 0)
    assert "+smtpd_timeout = 77s" in edit["yours"]
    assert "post.example.org" in edit["ours"]
    assert "--merge FILE" in sandbox.run("save", status=4).stderr
    shown = sandbox.run("plan", "--merge", MAIN_CF).stdout
    assert "passed: mail_smtp: postconf reads main.cf and master.cf" in shown


def _both_are_served(sandbox: Sandbox, path: Path) -> None:
    text = path.read_text()
    assert "# ours is a slow link\nsmtpd_timeout = 77s\n" in text
    assert "post.example.org" in text
    with sandbox.smtp() as client:
        assert client.ehlo()[1].startswith(b"post.example.org")
    assert sandbox.json("plan")["empty"]
    (item,) = [edit for row in sandbox.json("status") for edit in row["edits"]]
    assert (item["path"], item["what"]) == (MAIN_CF, "merged")


def _later_saves_merge_again(sandbox: Sandbox, path: Path) -> None:
    sandbox.run("settings", "set", "network.host", "hostname=mx")
    assert sandbox.json("save")["outcome"] == "committed"
    assert "smtpd_timeout = 77s" in path.read_text()
    with sandbox.smtp() as client:
        assert client.ehlo()[1].startswith(b"mx.example.org")


def _a_broken_edit_is_refused(sandbox: Sandbox, path: Path) -> None:
    whole = path.read_text()
    _append(path, "smtpd_timeuot = 10s\n")
    sandbox.run("settings", "set", "network.host", "hostname=late")
    told = sandbox.run("plan", status=2).stderr
    assert "smtpd_timeuot" in told
    assert f"with Mailstead's version of {MAIN_CF} it passes" in told
    assert path.read_text() == f"{whole}smtpd_timeuot = 10s\n"
    with sandbox.smtp() as client:
        assert client.ehlo()[1].startswith(b"mx.example.org")


def _the_edit_lies_aside(sandbox: Sandbox, path: Path) -> None:
    edited = path.read_text()
    sandbox.run("edits", "take", MAIN_CF)
    assert sandbox.json("save")["outcome"] == "committed"
    assert "smtpd_timeout" not in path.read_text()
    with sandbox.smtp() as client:
        assert client.ehlo()[1].startswith(b"late.example.org")
    sandbox.run("edits", "restore", MAIN_CF)
    assert path.read_text() == edited


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)
