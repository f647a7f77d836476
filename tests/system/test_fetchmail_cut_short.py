"""Polls that are cut short lose nothing and deliver nothing twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import attrs
import pytest

from tests.system.fetching import ADA, HARD, Account, Place, fetchmail_of, kill_fetchmail, new_place
from tests.system.sandbox import wait_until


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Give both servers."""
    with new_place() as made:
        yield made


@pytest.mark.parametrize("protocol", ["imaps", "pop3s"])
def test_a_killed_fetchmail_loses_and_doubles_nothing(place: Place, protocol: str) -> None:
    """Twice in the middle of many messages; by POP3 all of them are still there."""
    account = place.new(protocol, count=500)
    for _ in range(2):
        wait_for_more(account, 0.2)
        kill_fetchmail(account)
        account.make_due()
    wait_until(lambda: account.left() == 0, state=account.state)
    wait_until(lambda: account.last()[2] == "", state=account.state)
    assert place.came(account.names)
    account.remove()


@pytest.mark.parametrize("protocol", ["imaps", "pop3s"])
def test_a_server_that_goes_away_loses_and_doubles_nothing(place: Place, protocol: str) -> None:
    """First theirs, then who takes mail here, each in the middle of many messages."""
    account = place.new(protocol, count=500)
    wait_for_more(account, 0.2)
    before = account.last()[0]
    kill_children(place.theirs.folder / "run", protocol.removesuffix("s"))
    assert "the connection to the server failed" in account.polled(before)[1]
    before = account.last()[0]
    account.make_due()
    wait_for_more(account, 0.2)
    kill_children(place.ours.path("/run/dovecot"), "lmtp")
    assert "stays on the server" in account.polled(before)[1]
    account.make_due()
    wait_until(lambda: account.left() == 0, state=account.state)
    wait_until(lambda: account.last()[2] == "", state=account.state)
    assert place.came(account.names)
    account.remove()


def test_a_killed_daemon_loses_and_doubles_none_of_a_thousand(place: Place) -> None:
    """Its Fetchmail goes with it; the next daemon finishes what was begun."""
    account = place.new("imaps", count=1000)
    wait_for_more(account, 0.3)
    holder = fetchmail_of(account)
    path = place.ours.path("/run/mailstead/fetchmail.pid")
    os.kill(int(path.read_text()), signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{holder}").exists())
    assert 0 < account.left() < 1000
    assert account.last()[0] == 0  # it was its first poll, and none has ended
    place.ours.run("start")
    wait_until(lambda: account.left() == 0, seconds=60, state=account.state)
    wait_until(lambda: account.last()[1:] != (0, ""))
    assert place.came(account.names)
    account.remove()


@pytest.mark.parametrize("protocol", ["imaps", "pop3s"])
def test_a_change_ends_a_poll_and_loses_and_doubles_nothing(place: Place, protocol: str) -> None:
    """The next one begins at once, as the account is now; nothing is said to have gone wrong."""
    account = place.new(protocol, count=1000)
    wait_for_more(account, 0.05)
    holder = fetchmail_of(account)
    changed = account.make_due()
    wait_until(lambda: not Path(f"/proc/{holder}").exists(), 5, account.state)
    assert place.stored() < account.began + 900
    assert account.polled(changed, 60)[1] == ""
    assert account.left() == 0
    assert place.came(account.names)
    account.remove()


def test_a_removed_account_is_fetched_from_no_more(place: Place) -> None:
    """Within a second or two, in the middle of many messages; the rest stays there."""
    account = place.new("imaps", count=1000)
    wait_for_more(account, 0.05)
    holder = fetchmail_of(account)
    account.remove()
    wait_until(lambda: not Path(f"/proc/{holder}").exists(), 5, account.state)
    came = place.stored() - account.began
    assert 0 < came < 900
    assert 1000 - came <= account.left() < 1000
    time.sleep(2)
    assert place.stored() - account.began == came
    record = place.ours.path("/var/lib/mailstead/fetchmail") / f"{account.number}.delivered"
    wait_until(lambda: not record.exists(), 5)


def test_mail_of_a_login_that_two_owners_have_comes_to_one_of_them(place: Place) -> None:
    """The polls of one login come one after the other."""
    place.ours.add_user("grace")
    account = place.new("imaps", count=300)
    place.ours.run(
        "external", "add", "grace", account.login, place.theirs.name, "--port",
        str(place.theirs.port("imaps")), "--password-stdin", typed=f"{HARD}\n",
    )  # fmt: skip
    account.polled()
    place.theirs.put(account.login, more := [uuid4().hex for _ in range(300)])
    number = place.ours.json("external", "list", "grace")[0]["number"]
    both = (account, attrs.evolve(account, number=number))
    due = [one.make_due() for one in both]
    for one, moment in zip(both, due, strict=True):
        one.polled(moment, 60)
    wait_until(lambda: account.left() == 0, 60, account.state)
    found = place.ours.subjects(ADA) + place.ours.subjects("grace@example.org")
    assert [found.count(name) for name in (*account.names, *more)] == [1] * 600
    for one in both:
        one.remove()


def kill_children(base_dir: Path, name: str) -> None:
    """Kill those processes of a Dovecot that have a name."""
    master = (base_dir / "master.pid").read_text().strip()
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    found = [pid for pid in children if Path(f"/proc/{pid}/comm").read_text() == f"{name}\n"]
    assert found
    for pid in found:
        os.kill(int(pid), signal.SIGKILL)


def wait_for_more(account: Account, part: float) -> None:
    """Wait until some of the messages came from now on, so that a poll is in the middle of it."""
    wanted = account.place.stored() + part * len(account.names)
    wait_until(lambda: account.place.stored() > wanted, state=account.state)
