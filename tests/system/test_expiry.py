"""Old mail in folders goes, and is written down; the clock is moved on, not the mail back."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mailstead.machine.real import RealMachine
from tests.plugins.contexts import SYSTEM, bench
from tests.system.conftest import Site, new_site
from tests.system.sandbox import message
from tests.system.watch import refusal_of, run_quickly

ADA, GRACE, FRIEND = "ada@example.org", "grace@example.org", "friend@elsewhere.example"
DAY = 86400
LONGEST = "36500"  # days: more than there were since 1970
NESTED = "Lists/böse Wörter"


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site in which folders expire, and mail in these and INBOX."""
    with new_site() as made:
        run = made.sandbox.run
        run("expiry", "set", "Trash", "30")
        run("expiry", "set", "Junk", "7")
        run("expiry", "set", NESTED, "1")
        run("expiry", "set", "Archive", LONGEST)
        run("save")
        for folder, subject in (("Trash", "thrown"), ("Junk", "spam"), ("INBOX", "kept")):
            put(made, ADA, folder, subject)
        put(made, GRACE, "Trash", "hers")
        yield made


@contextmanager
def days_later(days: float) -> Iterator[None]:
    """Let commands in this process believe that days have passed."""
    with mock.patch.object(RealMachine, "now", return_value=time.time() + days * DAY):
        yield


def put(place: Site, login: str, folder: str, subject: str) -> None:
    """Put a message into a folder."""
    with place.sandbox.imap(login) as client:
        client.append(folder, "", "", message(FRIEND, login, subject).as_bytes())


def subjects(place: Site, login: str, folder: str) -> list[str]:
    """Give the subjects in a folder."""
    with place.sandbox.imap(login) as client:
        _, count = client.select(folder, readonly=True)
        if count == [b"0"]:
            return []
        _, found = client.fetch("1:*", "(BODY[HEADER.FIELDS (SUBJECT)])")
        return [part[1].decode().strip()[9:] for part in found if isinstance(part, tuple)]


def expire(place: Site, *words: str) -> Any:
    """Run the job in this process."""
    return run_quickly(place.sandbox, "expiry", "run", *words)


def test_nothing_young_goes(place: Site) -> None:
    """Whatever folder it is in."""
    assert "0 messages removed" in expire(place).stdout
    assert subjects(place, ADA, "Trash") == ["thrown"]


def test_a_dry_run_shows_and_keeps_what_would_go(place: Site) -> None:
    """For each account, by folder."""
    with days_later(31):
        shown = expire(place, "--dry-run").stdout
    assert re.search(rf"{ADA} +Trash", shown)
    assert re.search(rf"{ADA} +Junk", shown)
    assert re.search(rf"{GRACE} +Trash", shown)
    assert "INBOX" not in shown
    assert subjects(place, ADA, "Trash") == ["thrown"]


def test_what_is_old_goes_by_folder_and_is_written_down(place: Site) -> None:
    """Junk after its 7 days, Trash after its 30; INBOX never."""
    with days_later(8):
        assert "1 message removed" in expire(place).stdout
    assert (subjects(place, ADA, "Junk"), subjects(place, ADA, "Trash")) == ([], ["thrown"])
    with days_later(31):
        assert "2 messages removed" in expire(place).stdout
    assert subjects(place, ADA, "Trash") == subjects(place, GRACE, "Trash") == []
    assert subjects(place, ADA, "INBOX") == ["kept"]
    newest = place.sandbox.json("expiry", "log")[0]
    rows = place.sandbox.json("expiry", "log", newest["run"])
    assert sorted((row["account"], row["folder"]) for row in rows) == [
        (ADA, "Trash"), (GRACE, "Trash")
    ]  # fmt: skip


def test_cron_has_the_line_that_does_it(place: Site, tmp_path: Path) -> None:
    """On a system; its command, given a sandbox, is run as cron(8) does."""
    with bench(tmp_path) as made:
        paths = made.render("mail_retrieval", made.context(SYSTEM))
        assert "/etc/cron.d/mailstead-expiry" not in paths
        made.add("mail_retrieval.expiration", folder="Trash", days=30)
        text = made.render("mail_retrieval", made.context(SYSTEM))
    line = text["/etc/cron.d/mailstead-expiry"].content.decode().splitlines()[-1]
    minute, hour, *rest = line.split()
    assert minute.isdigit()
    assert (hour, rest[:4]) == ("1", ["*", "*", "*", "root"])
    command = " ".join(rest[4:]).replace("--instance /", f"--instance {place.sandbox.folder}")
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("folder", "days", "field"),
    [
        ("Trash", "0", "days"), ("Trash", "-1", "days"), ("Trash", "99999999", "days"),
        ("INBOX", "30", "folder"), ("inbox/x", "30", "folder"), ("*", "30", "folder"),
        ("Tr%sh", "30", "folder"), ("../Trash", "30", "folder"), ("-A", "30", "folder"),
        ("Trash\n* * * * * root id", "30", "folder"), ("", "30", "folder"),
        ("~ada", "30", "folder"),
        ("a\0b", "30", "folder"), ('Tr"ash', "30", "folder"), ("Trash ", "30", "folder"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_named(place: Site, folder: str, days: str, field: str) -> None:
    """With its field."""
    refused = refusal_of(place.sandbox, "expiry", "set", "--", folder, days)
    assert "mail_retrieval.expiration" in refused
    assert field in refused
