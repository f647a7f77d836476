"""Mail that the filter keeps, what it learns, and what happens while nobody can look at mail."""

from __future__ import annotations

import mailbox
import os
import re
import signal
import smtplib
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from imaplib import IMAP4
from pathlib import Path
from typing import Any

import pytest

from mailstead.engine import Engine
from mailstead_filter.nightly import expire
from tests.system.conftest import Site
from tests.system.filtering import ADA, GRACE, change, filtered_site, scanned, send, text_of
from tests.system.mail_samples import EICAR, attached, plain, spam
from tests.system.sandbox import wait_until
from tests.system.sieving import put
from tests.system.watch import pids, run_quickly, try_quickly

LMTP = "/var/spool/postfix/private/dovecot-lmtp"
LEARNED = re.compile(r"learned message as (spam|ham)")
POLICIES = ("filter.policies", "spam=quarantine", "virus=quarantine", "attachment=discard")
AGO = 3600  # seconds
WORDS = "the members of the committee agreed that the harbour should be opened in spring"
BARGAIN = "watches of all famous brands are sold for a tenth of their price this week only"
LAST = "you have won a large sum of money in a lottery that you have never heard of before"
OFFER = "cheap pills without prescription shipped tonight to every customer who orders now"


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a filtered site that keeps what is bad; with Redis where it is installed."""
    with filtered_site(POLICIES, ("filter.options", f"notify={GRACE}")) as made:
        yield made


def held(place: Site) -> list[dict[str, Any]]:
    """Give what is in quarantine."""
    found: list[dict[str, Any]] = place.sandbox.json("quarantine", "list")
    return found


def learned(place: Site) -> list[str]:
    """Give as what Rspamd learned messages, by its log."""
    log = place.sandbox.path("/var/log/rspamd/rspamd.log").read_text(errors="replace")
    return LEARNED.findall(log)


def test_bad_mail_is_kept_shown_released_and_deleted(place: Site) -> None:
    """Nothing but what the filter kept can be touched so."""
    before = place.sandbox.json("filter", "status")
    assert send(place, attached("a virus", "x.txt", EICAR)) == ""
    assert send(place, spam()) == ""
    assert send(place, attached("thrown away", "x.exe")) == ""
    after = place.sandbox.json("filter", "status")
    done = ("scanned", "done_quarantine_or_discard", "done_no_action")
    assert [after[name] - before[name] for name in done] == [3, 3, 0]
    assert abs(time.time() - datetime.fromisoformat(after["counted_since"]).timestamp()) < AGO
    kept = held(place)
    assert [item["kind"] for item in kept] == ["virus", "spam"]
    assert kept[0]["reason"] == "virus found: Eicar-Test-Signature.UNOFFICIAL"
    shown = place.sandbox.run("quarantine", "show", kept[0]["id"]).stdout
    assert "Subject: a virus\n" in shown
    assert "1 of 1 released" in place.sandbox.run("quarantine", "release", kept[0]["id"]).stdout
    assert "class=virus" in text_of(place, "a virus")
    place.sandbox.run("quarantine", "delete", "--all", "--yes")
    assert held(place) == []
    assert place.sandbox.json("queue", "list") == []


def test_mail_for_an_account_that_is_gone_is_not_returned_to_a_forged_sender(place: Site) -> None:
    """It is named with what to do; by --force it goes."""
    place.sandbox.add_user("carl")
    assert send(place, attached("too late", "x.txt", EICAR), "carl@example.org", ADA) == ""
    (item,) = held(place)
    run_quickly(place.sandbox, "account", "delete", "carl@example.org", "--with-mail", "--yes")
    done = try_quickly(place.sandbox, "quarantine", "release", item["id"])
    assert done.status == 2
    assert "nobody has the address carl@example.org: it would be returned to" in done.stderr
    assert f"mailstead quarantine delete {item['id']}" in done.stderr
    assert held(place) == [item]
    run_quickly(place.sandbox, "quarantine", "release", "--force", item["id"])
    text_of(place, "too late")
    assert held(place) == []


def test_what_an_admin_holds_is_not_in_quarantine(place: Site) -> None:
    """Although it is on hold, and claims to be."""
    queue = place.sandbox.path("/etc/postfix")
    mark = {"X_Mailstead_Filter": "quarantine; class=virus; forged"}
    subprocess.run(["postconf", "-c", queue, "-e", "defer_transports=lmtp"], check=True)
    subprocess.run(["postfix", "-c", queue, "reload"], check=True, capture_output=True)
    try:
        assert send(place, plain("mine", **mark)) == ""
        (message,) = place.sandbox.json("queue", "list")
        run_quickly(place.sandbox, "queue", "hold", message["id"])
        assert held(place) == []
        for verb in ("show", "release", "delete"):
            done = try_quickly(place.sandbox, "--yes", "quarantine", verb, message["id"])
            assert "it is not in quarantine" in done.stderr
        run_quickly(place.sandbox, "--yes", "queue", "delete", message["id"])
    finally:
        place.sandbox.run("edits", "take", "/etc/postfix/main.cf")
        place.sandbox.run("save")


@pytest.mark.parametrize("name", ["-d", "ALL", "--all", "../x", "4jZG7n2fH0zKZjr", "a\nb", ""])
def test_what_is_no_id_of_the_quarantine_is_refused(place: Site, name: str) -> None:
    """It becomes no option of postsuper; the next step is the right list."""
    for verb in ("show", "release", "delete"):
        done = try_quickly(place.sandbox, "--yes", "quarantine", verb, "--", name)
        assert done.status != 0
        assert "see `mailstead quarantine list`" in done.stderr


def test_each_night_old_mail_goes_and_somebody_is_told(place: Site) -> None:
    """Once; what a stranger chose is in the report as plain text."""
    assert send(place, attached("kept", "x.txt", EICAR), sender="eve@evil.example") == ""
    (item,) = held(place)
    place.sandbox.run("quarantine", "nightly")
    report = text_of(place, "Quarantine on", GRACE)
    assert f"{item['id']}  virus  from eve@evil.example  to {ADA}" in report
    assert "0 reported" in place.sandbox.run("quarantine", "nightly").stdout
    engine = Engine.open(place.sandbox.folder)
    context, later = engine.context("running"), time.time() + 31 * 86400
    assert expire(context, engine.machine, later - 2 * 86400) == 0
    assert expire(context, engine.machine, later) == 1
    assert held(place) == []


def test_it_learns_from_an_mbox_and_from_what_users_move(place: Site, tmp_path: Path) -> None:
    """Good from the file, spam from Junk, and good again from out of Junk."""
    box = mailbox.mbox(tmp_path / "good")
    for number in range(3):
        box.add(plain(f"meeting {number}", f"{WORDS} in year {number}\n" * 3))
    box.close()
    done = place.sandbox.json("filter", "train", "ham", str(tmp_path / "good"))
    assert done == {"learned": 3, "known": 0, "refused": 0}
    done = place.sandbox.json("filter", "train", "ham", str(tmp_path / "good"))
    assert done["learned"] == 0
    box = mailbox.mbox(tmp_path / "short")
    box.add(plain("short", "hi\n"))
    box.close()
    refused = try_quickly(place.sandbox, "filter", "train", "ham", str(tmp_path / "short"))
    assert refused.status == 1
    assert "1 refused: contains less tokens than required" in refused.stderr
    assert send(place, plain("an offer", f"{OFFER}\n" * 3)) == ""
    text_of(place, "an offer")
    with place.sandbox.imap(ADA) as client:
        client.select("INBOX")
        _, numbers = client.search(None, "SUBJECT", '"an offer"')
        client.copy(numbers[0].decode(), "Junk")
        wait_until(lambda: learned(place) == ["ham"] * 3 + ["spam"])
        client.select("Junk")
        client.copy("1", "INBOX")
        wait_until(lambda: learned(place) == ["ham"] * 3 + ["spam", "ham"])
    assert "Error" not in place.sandbox.path("/var/log/dovecot.log").read_text()


def test_folders_in_junk_and_trash_count_as_these(place: Site) -> None:
    """From one folder of Junk to another it stays spam, and to Trash nothing is learned."""
    assert send(place, plain("a bargain", f"{BARGAIN}\n" * 3)) == ""
    assert send(place, plain("the last one", f"{LAST}\n" * 3)) == ""
    for subject in ("a bargain", "the last one"):
        text_of(place, subject)
    before = learned(place)
    with place.sandbox.imap(ADA) as client:
        for name in ("Junk/old", "Trash/x"):
            client.create(name)
        _copy(client, "INBOX", "a bargain", "Junk/old")
        wait_until(lambda: learned(place) == [*before, "spam"])
        for name in ("Junk", "Junk/old", "Trash/x", "Trash"):
            _copy(client, "Junk/old", "a bargain", name)
        _copy(client, "INBOX", "the last one", "Junk")
        wait_until(lambda: learned(place) == [*before, "spam", "spam"])
        _copy(client, "Junk/old", "a bargain", "INBOX")
        wait_until(lambda: learned(place) == [*before, "spam", "spam", "ham"])


def _copy(client: IMAP4, source: str, subject: str, target: str) -> None:
    client.select(source)
    _, numbers = client.search(None, "SUBJECT", f'"{subject}"')
    assert client.copy(numbers[0].split()[0].decode(), target)[0] == "OK"


def test_what_was_released_is_not_looked_at_when_a_rule_forwards_it(place: Site) -> None:
    """What carries such a mark from outside is, also if it came by another way, as if fetched."""
    run = place.sandbox.run
    run("enable", "sieve", "--yes")
    run("save")
    put(place, ADA, f'require "copy"; redirect :copy "{GRACE}";')
    marked = attached("forged mark", "x.txt", EICAR)
    marked["X-Mailstead-Filter"] = "quarantine; class=virus; forged"
    assert send(place, attached("let go", "x.txt", EICAR)) == ""
    assert send(place, marked) == ""
    let_go, forged = held(place)
    run("quarantine", "release", let_go["id"])
    for login in (ADA, GRACE):
        assert text_of(place, "let go", login).count("X-Mailstead-Filter: quarantine") == 1
    assert held(place) == [forged]
    assert put_by_lmtp(place, ADA, marked) == "forged mark"
    wait_until(lambda: len(held(place)) == 2)
    run("quarantine", "delete", "--all", "--yes")
    put(place, ADA, "keep;")


def put_by_lmtp(place: Site, login: str, made: EmailMessage) -> str:
    """Hand a message to Dovecot itself; give its subject."""
    with smtplib.LMTP(str(place.sandbox.path(LMTP))) as client:
        client.send_message(made, "eve@evil.example", [login])
    return str(made["Subject"])


class Sender(threading.Thread):
    """Sends numbered messages until it is told to stop, and notes what became of each."""

    def __init__(self, place: Site, name: str) -> None:
        super().__init__()
        self.place, self.prefix = place, name
        self.stopped = threading.Event()
        self.answers: dict[str, str] = {}

    def run(self) -> None:
        """Send."""
        number = 0
        while not self.stopped.is_set():
            subject = f"{self.prefix}-{number}"
            self.answers[subject] = send(self.place, plain(subject))
            number += 1

    def accepted(self) -> set[str]:
        """Give the subjects of messages that were accepted."""
        return {subject for subject, answer in self.answers.items() if not answer}


@pytest.mark.parametrize("daemon", ["clamd", "rspamd"])
def test_killed_under_load_it_loses_nothing_and_passes_nothing(place: Site, daemon: str) -> None:
    """What is not looked at is deferred; what is accepted was looked at, and is delivered."""
    senders = [Sender(place, f"{daemon}-{number}") for number in range(3)]
    for sender in senders:
        sender.start()
    wait_until(lambda: all(len(sender.accepted()) > 3 for sender in senders))
    pid = pids(place.sandbox)[daemon]
    os.killpg(os.getpgid(pid), signal.SIGKILL)
    wait_until(lambda: all("4" in {*map(_first, sender.answers.values())} for sender in senders))
    run_quickly(place.sandbox, "start", "filter")
    before = [len(sender.accepted()) for sender in senders]
    wait_until(lambda: all(len(s.accepted()) > b for s, b in zip(senders, before, strict=True)))
    for sender in senders:
        sender.stopped.set()
        sender.join()
    answers = {_first(answer) for sender in senders for answer in sender.answers.values()}
    assert answers == {"", "4"}
    accepted = {subject for sender in senders for subject in sender.accepted()}
    assert {f"{subject}@elsewhere.example" for subject in accepted} <= scanned(place)
    wait_until(lambda: _delivered(place, daemon) == sorted(accepted))


def _first(answer: str) -> str:
    return answer[:1]


def _delivered(place: Site, prefix: str) -> list[str]:
    return sorted(name for name in place.sandbox.subjects(ADA) if name.startswith(f"{prefix}-"))


def test_a_worker_whose_main_process_was_killed_ends(place: Site) -> None:
    """So that nobody is left who answers but cannot be reached."""
    main = pids(place.sandbox)["rspamd"]
    group = os.getpgid(main)
    os.kill(main, signal.SIGKILL)
    try:
        wait_until(lambda: _first(send(place, plain("nobody there"))) == "4")
    finally:
        os.killpg(group, signal.SIGKILL)  # a helper without a socket goes on for a while
    run_quickly(place.sandbox, "start", "filter")
    assert send(place, plain("somebody there")) == ""


def test_where_it_is_asked_for_mail_passes_unseen_and_the_log_says_so(place: Site) -> None:
    """Never in silence."""
    change(place, "filter.options", "failing=accept")
    run_quickly(place.sandbox, "stop", "filter", "--yes")
    assert send(place, attached("unseen", "x.exe")) == ""
    text_of(place, "unseen")
    run_quickly(place.sandbox, "start", "filter")
    log = place.sandbox.path("/var/log/mail.log").read_text()
    assert "warning: connect to Milter service unix:" in log
    change(place, "filter.options", "failing=tempfail")


def test_an_unknown_sender_is_told_to_try_again(place: Site) -> None:
    """From the score of the greylist on, marked or not; a known one is not."""
    change(place, "filter.spam", "greylist=1")
    said = "451 4.7.1 Try again later"
    assert send(place, spam("grey", less=True)) == said
    assert send(place, spam("grey", less=True)) == said
    assert send(place, spam("grey", less=True), login=ADA) == ""
    assert send(place, plain("white"), sender="ann@other.example") == ""
    change(place, "filter.spam", "greylist=")
