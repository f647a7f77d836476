"""Engines with the four modules that all others build on, over a fake machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
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
def engine_of(
    *more: str, packages: Sequence[str] = (), users: Sequence[str] = ()
) -> Iterator[Engine]:
    """Give an engine that knows the four and more modules, none enabled.

    Further packages and daemons' users are there as well. Its folder has a short name.
    """
    machine = FakeMachine()
    machine.packages |= dict.fromkeys((*PACKAGES, *packages), "1:2.3.19.1")
    names = (*USERS, *users)
    machine.users |= {name: (number, number) for number, name in enumerate(names, 100)}
    machine.groups |= {name: number for number, name in enumerate(names, 100)}
    machine.groups |= dict.fromkeys(("mail", "postdrop"), 200)
    plugins = {name: f"mailstead_{name}" for name in (*FOUR, *more)}
    with (
        tempfile.TemporaryDirectory(prefix="ms-") as folder,
        fake_engine(Path(folder), plugins, machine=machine) as engine,
    ):
        yield engine


@contextmanager
def four_modules(
    *more: str, packages: Sequence[str] = (), users: Sequence[str] = ()
) -> Iterator[Engine]:
    """Give an engine in which the four are enabled and saved, and more are installed."""
    with engine_of(*more, packages=packages, users=users) as engine:
        engine.enable(FOUR, consents=FOUR)
        assert engine.save().outcome == "committed"
        yield engine
