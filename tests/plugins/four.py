"""An engine with the four first-party modules over a fake machine that has all packages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailstead.engine import Engine
from mailstead.machine.fake import FakeMachine
from mailstead.testing import fake_engine

FOUR = ("network", "users", "mail_smtp", "mail_retrieval")
PACKAGES = ("ca-certificates", "cron", "openssl", "postfix", "postfix-sqlite", "dovecot-core",
            "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd", "dovecot-sqlite")  # fmt: skip
USERS = ("vmail", "postfix", "dovecot", "dovenull")


@contextmanager
def four_modules() -> Iterator[Engine]:
    """Give an engine in which all four are enabled and saved; its folder has a short name."""
    machine = FakeMachine()
    machine.packages |= dict.fromkeys(PACKAGES, "1:2.3.19.1")
    machine.users |= {name: (number, number) for number, name in enumerate(USERS, 100)}
    machine.groups |= {name: number for number, name in enumerate(USERS, 100)}
    machine.groups |= dict.fromkeys(("mail", "postdrop"), 200)
    plugins = {name: f"mailstead_{name}" for name in FOUR}
    with (
        tempfile.TemporaryDirectory(prefix="ms-") as folder,
        fake_engine(Path(folder), plugins, machine=machine) as engine,
    ):
        engine.enable(FOUR, consents=FOUR)
        assert engine.save().outcome == "committed"
        yield engine
