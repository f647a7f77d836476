"""Our server, a server of somebody else, and accounts there from which ada fetches mail."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs

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

    def add(self, owner: str, password: str = HARD) -> Account:
        """Give a user with a mailbox an account there that is empty."""
        login = f"{owner}-{uuid4().hex[:8]}"
        self.theirs.add_user(login, HARD)
        self.theirs.put(login, [])
        self.ours.run(
            "external", "add", owner, login, self.theirs.name, "--port",
            str(self.theirs.port("imaps")), "--password-stdin", typed=f"{password}\n",
        )  # fmt: skip
        return Account(self, login, self.ours.json("external", "list", owner)[-1]["number"], [])

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
        wait_until(lambda: self.last()[0] > after, seconds, self.state)
        return self.last()[1:]

    def lead_home(self, login: str) -> None:
        """Let it lead to a mailbox of our own server, which the command line refuses."""
        path = self.place.ours.path("/var/lib/mailstead/fetchmail/fetchmail.db")
        change = "UPDATE external_accounts SET server = ?, port = ?, login = ?, verify_tls = 0"
        values = (self.place.ours.address, self.place.ours.port(993), login, self.number)
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=20)) as database:
            database.execute(f"{change} WHERE id = ?", values)
            database.commit()

    def make_due(self) -> float:
        """Let it not wait for its turn, at once: the command line takes long to start.

        Gives the moment; a poll that began later has seen all that was there before.
        """
        path = self.place.ours.path("/var/lib/mailstead/fetchmail/fetchmail.db")
        change = "UPDATE external_accounts SET changed = ? WHERE id = ?"
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=20)) as database:
            database.execute("BEGIN IMMEDIATE")
            moment = time.time()
            database.execute(change, (moment, self.number))
            database.commit()
        return moment

    def poll_now(self, seconds: float = 20.0) -> tuple[int, str]:
        """Make it due, and wait until it was polled after that."""
        self.polled()
        return self.polled(self.make_due(), seconds)

    def noted(self) -> int:
        """Count what was delivered since a poll was finished, quickly: by the record's size."""
        folder = self.place.ours.path("/var/lib/mailstead/fetchmail")
        with suppress(FileNotFoundError):
            return (folder / f"{self.number}.delivered").stat().st_size // len(f"\n{'0' * 64}")
        return 0

    def left(self) -> int:
        """Count what is there."""
        return self.place.theirs.left(self.login)

    def state(self) -> dict[str, object]:
        """Give what tells why nothing comes."""
        log = self.place.ours.path("/var/log/fetchmail-start.log").read_text()[-1000:]
        return {"now": time.time(), "last": self.last(), "stored": self.place.stored(),
                "began": self.began, "left": self.left(), "daemon": log,
                "theirs": self.place.theirs.log()[-2000:]}  # fmt: skip

    def remove(self) -> None:
        """Fetch no more."""
        self.place.ours.run("external", "remove", str(self.number))


@contextmanager
def new_place(outside: str = "") -> Iterator[Place]:
    """Give both servers."""
    theirs = External.start()
    ours = Sandbox.make(outside=outside)
    try:
        ours.run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
        ours.run("enable", "fetchmail", "--yes")
        ours.run("domain", "add", "example.org")
        ours.run("settings", "set", "mail_retrieval.services", "external_retrieval=yes")
        ours.run("settings", "set", "fetchmail.options", "period=60", f"ca={theirs.ca}")
        ours.run("save")
        ours.add_user("ada")
        yield Place(ours, theirs)
    finally:
        ours.destroy()
        theirs.stop()


def fetchmail_of(account: Account) -> int:
    """Give the process id of the Fetchmail that polls an account, as soon as one does."""
    folder = account.place.ours.path("/var/lib/mailstead/fetchmail/state")

    def running() -> list[int]:
        with suppress(FileNotFoundError, IndexError):  # none yet, or none that lives
            pid = int((folder / f"{account.number}.pid").read_text().split()[0])
            if Path(f"/proc/{pid}/comm").read_text() == "fetchmail\n":
                return [pid]
        return []

    wait_until(lambda: bool(running()), state=account.state)
    return running()[0]


def kill_fetchmail(account: Account) -> None:
    """Kill the Fetchmail that polls an account, and wait until that was seen."""
    before = account.last()[0]
    os.kill(fetchmail_of(account), signal.SIGKILL)
    account.polled(before)
    assert "Fetchmail failed with status -9" in account.last()[2]
