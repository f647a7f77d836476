"""Mail is fetched from a second real Dovecot."""

from __future__ import annotations

import time
from collections.abc import Iterator
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
        port: int = 0, **how: Any,
    ) -> Account:  # fmt: skip
        """Make an account there with so many messages, and let ada fetch from it."""
        login = f"ada-{uuid4().hex[:8]}"
        self.theirs.add_user(login, HARD)
        names = [uuid4().hex for _ in range(count)]
        self.theirs.put(login, names, **how)
        self.ours.run(
            "external", "add", "ada", login, self.theirs.name, "--protocol", protocol,
            "--port", str(port or self.theirs.port(protocol)), "--password-stdin", *words,
            typed=f"{password}\n",
        )  # fmt: skip
        number = self.ours.json("external", "list", "ada")[-1]["number"]
        return Account(self, login, number, names)

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

    def polled(self) -> dict[str, Any]:
        """Wait until it was polled, and give what is shown then."""
        wait_until(lambda: bool(self.show()["last_poll"]))
        return self.show()

    def show(self) -> dict[str, Any]:
        """Give what is shown of it."""
        found: dict[str, Any] = self.place.ours.json("external", "show", str(self.number))
        return found

    def poll_now(self) -> dict[str, Any]:
        """Make it due by a change that changes nothing, and wait until it was polled."""
        before = self.polled()["last_poll"]
        time.sleep(1)  # moments are shown in seconds
        self.place.ours.run("external", "set", str(self.number))
        wait_until(lambda: self.show()["last_poll"] != before)
        return self.show()

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
    shown = account.polled()
    assert (shown["fetched"], shown["error"], account.left()) == (3, "", 0)
    assert place.came(account.names)
    account.remove()
