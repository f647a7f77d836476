"""A whole generated configuration in a sandbox, filled with accounts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from argon2 import PasswordHasher

from mailstead.engine import Engine
from mailstead.settings.types import Secret
from mailstead_mail_smtp.addresses.accounts import create_account
from mailstead_users.opening import open_directory
from mailstead_users.passwords import Passwords
from mailstead_users.users import Users

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Generated:
    """A sandbox with every service, quotas included."""

    def __init__(self, folder: Path, address: str, offset: int, domains: Sequence[str]) -> None:
        """Make it and start it."""
        self.folder, self.address, self.offset = folder, address, offset
        self.mail = folder / "var/vmail"
        self.place = (address, 25 + offset)
        self.run("init", "--sandbox", "--address", address, "--port-offset", str(offset))
        self.run("settings", "set", "network.host", "hostname=mail", "domain=bench.example")
        self.run("settings", "set", "mail_smtp.user_template", "mail_account=no")
        self.run("settings", "set", "mail_retrieval.mailboxes", "size=1G")
        self.run("enable", "--yes", "mail_retrieval")
        for domain in domains:
            self.run("domain", "add", domain)
        self.run("save")

    def run(self, *words: str) -> str:
        """Run a command; gives what it prints."""
        argv = [sys.executable, "-m", "mailstead.cli", *words]
        environment = {**os.environ, "MAILSTEAD_INSTANCE": str(self.folder)}
        done = subprocess.run(
            argv, env=environment, check=True, capture_output=True, text=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.stdout

    def add_accounts(self, addresses: Sequence[str]) -> None:
        """Add a user and an account for each address."""
        with Engine.open(self.folder) as engine:
            context = engine.context("running")
            with open_directory(context) as directory:
                users = Users(directory, context, Passwords(8, CHEAP))
                for address in addresses:
                    name = address.partition("@")[0]
                    users.add_user(name, Secret("correct horse battery"))
                    with directory.write() as connection:
                        create_account(connection, name, address)

    def stop(self) -> None:
        """Stop it."""
        self.run("stop", "--yes")

    def start(self) -> None:
        """Start it."""
        self.run("start")
