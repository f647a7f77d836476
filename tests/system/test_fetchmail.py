"""Mail is fetched from a second real Dovecot."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
import pytest

from tests.system.external import External
from tests.system.sandbox import Sandbox, wait_until

ADA = "ada@example.org"
HARD = "p\"w\\ :é'x #{{7}} ;"


@attrs.frozen
class Place:
    """Our server, whose users fetch mail, and the server they fetch it from."""

    ours: Sandbox
    theirs: External

    def new(
        self, protocol: str = "imaps", *words: str, count: int = 1, password: str = HARD,
        port: int = 0, server: External | None = None, **how: Any,
    ) -> Account:  # fmt: skip
        """Make an account there with so many messages, and let ada fetch from it."""
        login = f"ada-{uuid4().hex[:8]}"
        server = server or self.theirs
        server.add_user(login, HARD)
        names = [uuid4().hex for _ in range(count)]
        server.put(login, names, **how)
        began = self.stored()
        self.ours.run(
            "external", "add", "ada", login, server.name, "--protocol", protocol,
            "--port", str(port or server.port(protocol)), "--password-stdin", *words,
            typed=f"{password}\n",
        )  # fmt: skip
        number = self.ours.json("external", "list", "ada")[-1]["number"]
        return Account(self, login, number, names, began)

    def stored(self) -> int:
        """Count ada's messages, quickly."""
        homes = self.ours.path("/var/vmail/example.org")
        return sum(1 for name in ("new", "cur") for _ in homes.glob(f"ada-*/Maildir/{name}/*"))

    def came(self, names: list[str]) -> bool:
        """Tell whether messages are in ada's mailbox, each once."""
        found = self.ours.subjects(ADA)
        return all(found.count(name) == 1 for name in names)


@attrs.frozen
class Account:
    """An external account of ada's."""

    place: Place
    login: str
    number: int
    names: list[str]
    began: int = 0

    def last(self) -> tuple[float, int, str]:
        """Give when it was polled, what came, and what went wrong, as the command shows it.

        Read directly: this is asked again and again, and the command line has to start each time.
        """
        path = self.place.ours.path("/var/lib/mailstead/fetchmail/fetchmail.db")
        asked = "SELECT at, fetched, error FROM polls WHERE account_id = ? AND at IS NOT NULL"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            found: tuple[float, int, str] | None
            found = database.execute(asked, (self.number,)).fetchone()
        return found or (0.0, 0, "")

    def polled(self, after: float = 0.0, seconds: float = 20.0) -> tuple[int, str]:
        """Wait until it was polled, and give what came and what went wrong."""
        wait_until(lambda: self.last()[0] > after, seconds)
        return self.last()[1:]

    def poll_now(self, seconds: float = 20.0) -> tuple[int, str]:
        """Make it due by a change that changes nothing, and wait until it was polled."""
        self.polled()
        before = self.last()[0]
        self.place.ours.run("external", "set", str(self.number))
        return self.polled(before, seconds)

    def left(self) -> int:
        """Count what is there."""
        return self.place.theirs.left(self.login)

    def remove(self) -> None:
        """Fetch no more."""
        self.place.ours.run("external", "remove", str(self.number))


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Give both servers."""
    theirs = External.start()
    ours = Sandbox.make()
    try:
        ours.run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
        ours.run("enable", "fetchmail", "--yes")
        ours.run("domain", "add", "example.org")
        ours.run("settings", "set", "mail_retrieval.services", "external_retrieval=yes")
        ours.run("settings", "set", "fetchmail.options", "period=1", f"ca={theirs.ca}")
        ours.run("save")
        ours.add_user("ada")
        yield Place(ours, theirs)
    finally:
        ours.destroy()
        theirs.stop()


@pytest.mark.parametrize("protocol", ["imap", "imaps", "pop3", "pop3s"])
def test_mail_comes_by_each_protocol(place: Place, protocol: str) -> None:
    """Over verified TLS; the password has every kind of character; nothing stays there."""
    account = place.new(protocol, count=3)
    assert account.polled() == (3, "")
    assert place.came(account.names)
    assert account.left() == 0
    shown = place.ours.json("external", "show", str(account.number))
    assert (shown["fetched"], shown["error"], shown["protocol"]) == (3, "", protocol)
    assert shown["last_poll"] == shown["last_success"]
    account.remove()


def test_what_is_kept_is_fetched_once(place: Place) -> None:
    """By both protocols, poll after poll, and what comes later is fetched as well."""
    accounts = [place.new(protocol, "--keep", count=2) for protocol in ("imaps", "pop3s")]
    for account in accounts:
        assert account.polled() == (2, "")
        assert account.poll_now() == (0, "")
        place.theirs.put(account.login, later := [uuid4().hex])
        assert account.poll_now() == (1, "")
        assert place.came([*account.names, *later])
        assert account.left() == 3
        account.remove()


def test_what_was_read_there_is_fetched_when_asked_for(place: Place) -> None:
    """By IMAP, which tells."""
    account = place.new("imaps", seen=True)
    assert account.polled() == (0, "")
    place.ours.run("external", "set", str(account.number), "--fetch-read")
    wait_until(lambda: place.came(account.names))
    wait_until(lambda: account.left() == 0)
    account.remove()


def test_a_full_mailbox_leaves_mail_there(place: Place) -> None:
    """What fits comes, the rest stays, and comes when there is room; the owner is told why."""
    place.ours.run("user", "add", "bob", "--password-stdin", typed="correct horse\n")
    place.ours.run("account", "quota", "bob@example.org", "30K")
    login = f"bob-{uuid4().hex[:8]}"
    place.theirs.add_user(login, HARD)
    small, large = [uuid4().hex], [uuid4().hex]
    place.theirs.put(login, small)
    place.theirs.put(login, large, size=3000)
    place.ours.run(
        "external", "add", "bob", login, place.theirs.name, "--port",
        str(place.theirs.port("imaps")), "--password-stdin", typed=f"{HARD}\n",
    )  # fmt: skip
    account = Account(place, login, place.ours.json("external", "list", "bob")[0]["number"], [])
    for _ in range(2):
        assert account.poll_now()[1].startswith(
            "the mailbox here is full; the mail stays on the server: 552 5.2.2"
        )
        assert account.left() == 1
    place.ours.run("account", "quota", "bob@example.org", "unlimited")
    assert (account.poll_now(), account.left()) == ((1, ""), 0)
    found = place.ours.imap("bob@example.org", "correct horse")
    assert found.select("INBOX", readonly=True)[1] == [b"2"]
    found.logout()
    account.remove()


def test_wrong_passwords_and_dead_servers_are_told_apart(place: Place) -> None:
    """In plain words, when it is polled as when it is tested; a correction helps at once."""
    wrong = place.new("imaps", password="wrong")
    dead = place.new("imaps", port=1)
    no_tls = place.new("pop3s", port=place.theirs.port("pop3"))
    for account, words in (
        (wrong, "the server does not accept this account name and password"),
        (dead, "the server refuses connections on this port"),
        (no_tls, "the server does not speak TLS on this port as asked for"),
    ):
        assert account.poll_now()[1].startswith(words)
        done = place.ours.run("external", "test", str(account.number), status=1)
        assert words in done.stderr
        assert account.left() == 1
    place.ours.run("external", "password", str(wrong.number), "--password-stdin", typed=f"{HARD}\n")
    wait_until(lambda: place.came(wrong.names))
    place.ours.run("external", "test", str(wrong.number))
    for account in (wrong, dead, no_tls):
        account.remove()


def test_a_certificate_of_a_stranger_is_not_trusted(place: Place) -> None:
    """Unless the owner does without verified TLS, which is a change that counts at once."""
    strangers = External.start()
    try:
        account = place.new("imaps", server=strangers)
        words = "the server's certificate is self-signed and not trusted"
        assert account.polled()[1].startswith(words)
        place.ours.run("external", "set", str(account.number), "--no-verify-tls")
        wait_until(lambda: place.came(account.names))
        account.remove()
    finally:
        strangers.stop()


@pytest.mark.parametrize("protocol", ["imaps", "pop3s"])
def test_a_killed_fetchmail_loses_and_doubles_nothing(place: Place, protocol: str) -> None:
    """Twice in the middle of many messages; by POP3 all of them are still there."""
    account = place.new(protocol, count=200)
    for part in (0.2, 0.6):
        wait_for_part(account, part)
        before = account.last()[0]
        os.kill(fetchmail(place, account), signal.SIGKILL)
        account.polled(before)
        assert "Fetchmail failed with status -9" in account.last()[2]
        place.ours.run("external", "set", str(account.number))
    wait_until(lambda: account.left() == 0)
    wait_until(lambda: account.last()[2] == "")
    assert place.came(account.names)
    account.remove()


@pytest.mark.parametrize("protocol", ["imaps", "pop3s"])
def test_a_server_that_goes_away_loses_and_doubles_nothing(place: Place, protocol: str) -> None:
    """First theirs, then who takes mail here, each in the middle of many messages."""
    account = place.new(protocol, count=200)
    wait_for_part(account, 0.2)
    before = account.last()[0]
    kill_children(place.theirs.folder / "run", protocol.removesuffix("s"))
    assert "the connection to the server failed" in account.polled(before)[1]
    before = account.last()[0]
    place.ours.run("external", "set", str(account.number))
    wait_for_part(account, 0.5)
    kill_children(place.ours.path("/run/dovecot"), "lmtp")
    assert "stays on the server" in account.polled(before)[1]
    place.ours.run("external", "set", str(account.number))
    wait_until(lambda: account.left() == 0)
    wait_until(lambda: account.last()[2] == "")
    assert place.came(account.names)
    account.remove()


def test_a_server_that_never_answers_holds_up_nobody(place: Place) -> None:
    """And no password is in sight while one is waited for."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        waiting = place.new("imap", "--no-verify-tls", port=silent.getsockname()[1])
        client, _ = silent.accept()
        with client:
            other = place.new("imaps")
            assert other.polled() == (1, "")
            assert waiting.last()[0] == 0
            words = Path(f"/proc/{fetchmail(place, waiting)}/cmdline").read_bytes()
            status = Path(f"/proc/{fetchmail(place, waiting)}/status").read_text()
    assert HARD.encode() not in words
    assert f"Uid:\t{pwd.getpwnam('fetchmail').pw_uid}\t" in status
    secrets = [path for path in place.ours.folder.rglob("*") if path.is_file()]
    assert not [path for path in secrets if HARD.encode() in path.read_bytes()]
    for account in (waiting, other):
        account.remove()


def test_accounts_go_with_their_owner(place: Place) -> None:
    """Who is told before."""
    place.ours.run("user", "add", "eve", "--password-stdin", typed="correct horse\n")
    words = ("external", "add", "eve", "eve", "mail.example", "--password-stdin")
    place.ours.run(*words, typed="x\n")
    place.ours.run(*words, typed="x\n", status=2)
    done = place.ours.run("user", "delete", "eve", "--yes")
    assert "mail is fetched from eve at mail.example" in done.stderr
    place.ours.run("user", "add", "eve", "--password-stdin", typed="correct horse\n")
    assert place.ours.json("external", "list", "eve") == []


def test_a_killed_daemon_loses_and_doubles_none_of_a_thousand(place: Place) -> None:
    """Its Fetchmail goes with it; the next daemon finishes what was begun."""
    account = place.new("imaps", count=1000)
    wait_for_part(account, 0.3)
    holder = fetchmail(place, account)
    path = place.ours.path("/run/mailstead/fetchmail.pid")
    os.kill(int(path.read_text()), signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{holder}").exists())
    assert 0 < account.left() < 1000
    place.ours.run("start")
    wait_until(lambda: account.left() == 0, seconds=60)
    wait_until(lambda: account.last()[1:] != (0, ""))
    assert place.came(account.names)
    account.remove()


def kill_children(base_dir: Path, name: str) -> None:
    """Kill those processes of a Dovecot that have a name."""
    master = (base_dir / "master.pid").read_text().strip()
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    found = [pid for pid in children if Path(f"/proc/{pid}/comm").read_text() == f"{name}\n"]
    assert found
    for pid in found:
        os.kill(int(pid), signal.SIGKILL)


def wait_for_part(account: Account, part: float) -> None:
    """Wait until some of the messages came."""
    wanted = account.began + part * len(account.names)
    wait_until(lambda: account.place.stored() > wanted)


def fetchmail(place: Place, account: Account) -> int:
    """Give the process id of the Fetchmail that polls an account."""
    folder = place.ours.path("/var/lib/mailstead/fetchmail/state")
    return int((folder / f"{account.number}.pid").read_text().split()[0])
