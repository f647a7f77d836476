"""What the owner's rules do with fetched mail they do once, however polls are cut short."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator

import attrs
import pytest

from tests.system.fetching import ADA, Account, Place, kill_fetchmail, new_place
from tests.system.outside import Outside
from tests.system.sandbox import wait_until

# By the first digit of a subject: a third each is thrown away, sent on, kept.
RULES = """
if header :matches "subject" ["0*", "1*", "2*", "3*", "4*"] { discard; }
elsif header :matches "subject" ["5*", "6*", "7*", "8*", "9*"] { redirect "far@elsewhere.example"; }
"""
DONE = "stored mail into|forwarded to|Marked message to be discarded"


@attrs.frozen
class Ruled:
    """A place whose ada has rules, and the world outside."""

    place: Place
    outside: Outside


@pytest.fixture(scope="module")
def ruled() -> Iterator[Ruled]:
    """Give both servers, and rules."""
    outside = Outside.start()
    try:
        with new_place(outside.route) as place:
            place.ours.run("enable", "sieve", "--yes")
            place.ours.run("save")
            config = place.ours.path("/etc/dovecot/dovecot.conf")
            argv = ["doveadm", "-c", str(config), "sieve", "put", "-a", "-u", ADA, "main"]
            subprocess.run(argv, input=RULES, text=True, check=True)
            yield Ruled(place, outside)
    finally:
        outside.stop()


@pytest.mark.parametrize("protocol", ["imaps", "pop3s"])
def test_rules_are_obeyed_once_for_each_message(ruled: Ruled, protocol: str) -> None:
    """Fetchmail is killed twice; what was thrown away or sent on is in no mailbox to be found."""
    account = ruled.place.new(protocol, count=500)
    for _ in range(2):
        wanted = account.noted() + 0.2 * len(account.names)
        wait_until(lambda: account.noted() > wanted, state=account.state)  # noqa: B023
        kill_fetchmail(account)
        account.make_due()
    wait_until(lambda: account.left() == 0, 60, account.state)
    wait_until(lambda: account.last()[2] == "", state=account.state)
    assert obeyed(account) == Counter(account.names)
    sent_on = [name for name in account.names if name[0] in "56789"]
    wait_until(lambda: len(went_out(ruled.outside, account)) >= len(sent_on), state=account.state)
    assert sorted(went_out(ruled.outside, account)) == sorted(sent_on)
    assert ruled.place.came([name for name in account.names if name[0] in "abcdef"])
    account.remove()


def obeyed(account: Account) -> Counter[str]:
    """Count what Dovecot says that it did with each message."""
    log = account.place.ours.path("/var/log/dovecot.log").read_text()
    names = set(account.names)
    found = re.findall(rf"sieve: msgid=<([0-9a-f]{{32}})@\S+: .*(?:{DONE})", log)
    return Counter(name for name in found if name in names)


def went_out(outside: Outside, account: Account) -> list[str]:
    """Give the subjects of an account's messages that were sent on."""
    names = set(account.names)
    found = [re.findall(r"^Subject: (\S+)", text, re.MULTILINE) for text in outside.messages()]
    return [name for names_ in found for name in names_ if name in names]
