"""A message that was accepted is delivered, whatever is killed meanwhile: RFC 5321 section 6.1.

``MAILSTEAD_KILLS`` gives the number of kills (a sample by default), ``MAILSTEAD_SEED`` repeats
the order and moments of a run; both are printed.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable

from tests.system.killing import DOVECOT, POSTFIX, kill_daemons, kill_save
from tests.system.load import Client, Load
from tests.system.recorder import Recorder
from tests.system.sandbox import OFFICE, STRANGER, Sandbox, wait_until

KILLS = int(os.environ.get("MAILSTEAD_KILLS", "6"))
SEED = int(os.environ.get("MAILSTEAD_SEED", random.SystemRandom().randrange(10**6)))
KINDS = ("postfix", "dovecot", "both", "save")
ADA, GRACE, FRIEND = "ada@example.org", "grace@example.org", "friend@elsewhere.example"
CLIENTS = [
    Client(STRANGER, ADA), Client(STRANGER, ADA), Client(STRANGER, GRACE), Client(STRANGER, GRACE),
    Client(OFFICE, FRIEND), Client(OFFICE, FRIEND),
]  # fmt: skip
# A delivery that was done but not noted when Postfix was killed is done again; RFC 5321 section
# 4.5.4.1 wants that rather than a loss. default_destination_concurrency_limit is 20 for each of
# the two transports.
AT_ONCE = 40
NAME = re.compile(rb"^Message-ID: (<[0-9a-f]+@load\.example>)", re.MULTILINE | re.IGNORECASE)


def test_what_was_accepted_is_delivered_whatever_is_killed() -> None:
    """With kill -9 of Postfix, Dovecot and saves, under load, to mailboxes and to the outside."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable
    recorder = Recorder()
    sandbox = Sandbox.make(outside=recorder.route)
    try:
        sandbox.furnish()
        with Load.on(sandbox, CLIENTS) as load:
            for number in range(KILLS):
                _kill(sandbox, KINDS[number % len(KINDS)], chance)
            time.sleep(1)
        _drain(sandbox)
        arrived = {name: _names(sandbox, name) for name in (ADA, GRACE)}
        arrived[FRIEND] = _count(recorder.messages)
        _judge(load, arrived)
    finally:
        sandbox.destroy()
        recorder.stop()


def _judge(load: Load, arrived: dict[str, Counter[str]]) -> None:
    accepted = sum(map(len, load.accepted.values()))
    copies = sum(sum(counts.values()) - len(counts) for counts in arrived.values())
    sys.stdout.write(f"seed {SEED}, {KILLS} kills: {accepted} accepted, {copies} delivered twice\n")
    lost = {who: set(names) - set(arrived[who]) for who, names in load.accepted.items()}
    assert not any(lost.values()), f"seed {SEED}: lost {lost}"
    assert all(load.accepted.values()), "nothing was sent"
    assert copies <= KILLS * AT_ONCE


def _kill(sandbox: Sandbox, kind: str, chance: random.Random) -> None:
    """Kill something at a random moment and have Mailstead bring it back."""
    time.sleep(chance.uniform(0.5, 1.5))
    if kind == "save":
        size = chance.randrange(2, 90)
        sandbox.run("settings", "set", "mail_smtp.options", f"message_size={size}M")
        kill_save(sandbox, chance.uniform(0.3, 2.5))
    else:
        files = {"postfix": [POSTFIX], "dovecot": [DOVECOT], "both": [POSTFIX, DOVECOT]}[kind]
        kill_daemons(sandbox, *files)
        time.sleep(chance.uniform(0, 1))
    sandbox.run("start")


def _drain(sandbox: Sandbox) -> None:
    """Have the queue sent again until it is empty."""
    place = str(sandbox.path("/etc/postfix"))

    def is_empty() -> bool:
        subprocess.run(["postqueue", "-c", place, "-f"], check=True)
        words = ["postqueue", "-c", place, "-j"]
        return not subprocess.run(words, check=True, capture_output=True).stdout.strip()

    wait_until(is_empty, 60)


def _names(sandbox: Sandbox, login: str) -> Counter[str]:
    """Give how often each message is in an INBOX."""
    with sandbox.imap(login) as client:
        client.select("INBOX", readonly=True)
        _, found = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
    return _count(part[1] for part in found if isinstance(part, tuple))


def _count(texts: Iterable[bytes]) -> Counter[str]:
    return Counter(name.decode() for text in texts for name in NAME.findall(text))
