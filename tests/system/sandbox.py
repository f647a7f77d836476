"""A sandbox instance with real daemons, driven by the real command line.

Each sandbox has a loopback address and a port offset of its own, so that tests run in parallel.
"""

from __future__ import annotations

import imaplib
import json
import os
import poplib
import random
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import attrs

PASSWORD = "correct horse battery"
OFFICE = "127.0.0.77"  # which may relay
STRANGER = "127.0.0.88"
PORTS = (25, 110, 143, 465, 587, 993, 995)


@attrs.frozen
class Done:
    """A finished command."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Give its JSON document."""
        return json.loads(self.stdout)


@attrs.define
class Sandbox:
    """A disposable instance."""

    folder: Path
    address: str
    offset: int

    @classmethod
    def make(cls, *, outside: str = "") -> Sandbox:
        """Make an instance under a short path, on a free loopback address."""
        folder = Path(tempfile.mkdtemp(prefix="ms-", dir="/tmp"))
        folder.chmod(0o755)
        address, offset = free_place()
        sandbox = cls(folder / "i", address, offset)
        words = ["init", "--sandbox", "--address", address, "--port-offset", str(offset)]
        sandbox.run(*words, "--soak", "0.3", *(["--outside", outside] if outside else []))
        return sandbox

    def run(self, *words: str, typed: str = "", status: int = 0) -> Done:
        """Run a command that must end with a status."""
        done = subprocess.run(
            [sys.executable, "-m", "mailstead.cli", *words],
            input=typed,
            env={**os.environ, "MAILSTEAD_INSTANCE": str(self.folder), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == status, f"{words}: {done.stdout}\n{done.stderr}\n{self.logs()}"
        return Done(done.returncode, done.stdout, done.stderr)

    def json(self, *words: str) -> Any:
        """Run a command with --json and give its document."""
        return self.run("--json", *words).json

    def port(self, standard: int) -> int:
        """Give the port for a standard one."""
        return standard + self.offset

    def path(self, path: str) -> Path:
        """Give the real path of a system path."""
        return self.folder / path.lstrip("/")

    def logs(self) -> str:
        """Give the end of the daemons' logs, for failures."""
        words = []
        for name in ("mail.log", "dovecot.log"):
            path = self.path(f"/var/log/{name}")
            if path.exists():
                words += [f"-- {name}", *path.read_text(errors="replace").splitlines()[-25:]]
        return "\n".join(words)

    def furnish(self) -> None:
        """Give it a domain, an office that may relay, and two users; the office is saved first."""
        self.run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
        self.run("enable", "mail_retrieval", "--yes")
        self.run("domain", "add", "example.org")
        self.run("object", "add", "office")
        self.run("object", "add-member", "office", OFFICE)
        self.run("save")
        self.run("relay", "allow", "office")
        self.run("save")
        self.add_user("ada")
        self.add_user("grace")

    def add_user(self, name: str, password: str = PASSWORD) -> None:
        """Add a user by the command line."""
        self.run("user", "add", name, "--password-stdin", typed=f"{password}\n")

    def smtp(self, port: int = 25, source: str = STRANGER) -> smtplib.SMTP:
        """Connect to an SMTP port from an address."""
        if port == 465:
            return smtplib.SMTP_SSL(
                self.address, self.port(port), context=trust(), timeout=20,
                source_address=(source, 0), local_hostname="client.example",
            )  # fmt: skip
        return smtplib.SMTP(self.address, self.port(port), timeout=20, source_address=(source, 0),
                            local_hostname="client.example")  # fmt: skip

    def imap(self, login: str, password: str = PASSWORD) -> imaplib.IMAP4_SSL:
        """Log in by IMAPS."""
        client = imaplib.IMAP4_SSL(self.address, self.port(993), ssl_context=trust(), timeout=20)
        client.login(login, password)
        return client

    def pop3(self, login: str, password: str = PASSWORD) -> poplib.POP3_SSL:
        """Log in by POP3S."""
        client = poplib.POP3_SSL(self.address, self.port(995), context=trust(), timeout=20)
        client.user(login)
        client.pass_(password)
        return client

    def taken_logins(self, login: str, password: str = PASSWORD) -> list[str]:
        """Give the protocols by which a login is accepted."""
        with self.smtp(465) as smtp:
            answers = {"smtp": _accepts(lambda: smtp.login(login, password))}
        with imaplib.IMAP4_SSL(self.address, self.port(993), ssl_context=trust()) as imap:
            answers["imap"] = _accepts(lambda: imap.login(login, password))
        pop3 = poplib.POP3_SSL(self.address, self.port(995), context=trust(), timeout=20)
        pop3.user(login)
        answers["pop3"] = _accepts(lambda: pop3.pass_(password))
        pop3.close()
        return [protocol for protocol, is_taken in answers.items() if is_taken]

    def subjects(self, login: str) -> list[str]:
        """Give the subjects in an INBOX."""
        with self.imap(login) as client:
            _, count = client.select("INBOX", readonly=True)
            if count == [b"0"]:
                return []
            _, found = client.fetch("1:*", "(BODY[HEADER.FIELDS (SUBJECT)])")
            return [part[1].decode().strip()[9:] for part in found if isinstance(part, tuple)]

    def is_open(self, port: int) -> bool:
        """Tell whether a port answers."""
        with socket.socket() as client:
            client.settimeout(2)
            return client.connect_ex((self.address, self.port(port))) == 0

    def destroy(self) -> None:
        """Stop its daemons, prove that nothing runs, and remove it."""
        if self.path("/etc/mailstead/instance.toml").exists():
            self.run("stop", "--yes")
        left = processes_below(self.folder)
        shutil.rmtree(self.folder.parent)
        assert left == [], f"left running: {left}"


def _accepts(log_in: Callable[[], object]) -> bool:
    try:
        log_in()
    except (smtplib.SMTPAuthenticationError, imaplib.IMAP4.error, poplib.error_proto):
        return False
    return True


def processes_below(folder: Path) -> list[str]:
    """Give the command lines of processes that name a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            line = b" ".join(words).decode("utf-8", "replace")
            if str(folder) in line:
                found.append(f"{entry.name}: {line}")
    return found


def free_place() -> tuple[str, int]:
    """Find a loopback address and an offset whose ports are free."""
    chance = random.SystemRandom()
    while True:
        address = f"127.{chance.randint(2, 250)}.{chance.randint(1, 250)}.{chance.randint(1, 250)}"
        offset = chance.randrange(10000, 30000, 10)
        if all(_is_free(address, offset + port) for port in PORTS):
            return address, offset


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def trust() -> ssl.SSLContext:
    """Give a TLS context that accepts the self-signed certificate."""
    return ssl._create_unverified_context()  # noqa: S323


def message(sender: str, recipient: str, subject: str = "hello") -> EmailMessage:
    """Make a message."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, recipient, subject
    made.set_content(f"{subject}\n")
    return made


def wait_until(
    ready: Callable[[], bool], seconds: float = 20.0, state: Callable[[], object] = lambda: ""
) -> None:
    """Wait until something is true; what it failed by shows in what ``state`` gives then."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"waited in vain {state()}"
        time.sleep(0.1)
