"""Walk through the worked example with the real command line and real daemons.

Everything lies below one sandbox folder and listens on loopback addresses. "Outside" is
Postfix's own test server smtp-sink(1) on an address of its own.
"""

from __future__ import annotations

import argparse
import fcntl
import imaplib
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = ROOT / ".venv/bin/mailstead"
SERVER, OUTSIDE = "127.0.0.1", "127.0.0.2"
CLIENT, STRANGER = "127.0.0.77", "127.0.0.88"
PASSWORD = "correct horse battery"  # noqa: S105 - for a sandbox that anybody may try
FRIEND = "friend@elsewhere.example"
TRUST = ssl._create_unverified_context()  # noqa: S323 - the certificate is self-signed


def main() -> int:
    """Run the demo; gives the exit status."""
    parser = argparse.ArgumentParser(prog="script/demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the walk")
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = _folder()
    with _only_one(folder):
        offset = _free_offset()
        demo = Demo(folder, offset)
        try:
            with demo.outside():
                demo.walk()
                if not once:
                    demo.stay()
        except KeyboardInterrupt:
            print("\nstopping")
        finally:
            demo.stop()
    return 0


class Demo:
    """One run of the demo."""

    def __init__(self, folder: Path, offset: int) -> None:
        self.folder = folder
        self.offset = offset
        self.dump = Path(f"{folder}-outside")

    def walk(self) -> None:
        """Walk through the worked example of the manual."""
        title("A sandbox: a folder, loopback addresses, high ports, real daemons")
        outside = f"[{OUTSIDE}]:{self.port(25)}"
        self.run(f"init --sandbox --address {SERVER} --port-offset {self.offset} "
                 f"--outside {outside}")  # fmt: skip
        self.run("settings set network.host hostname=mail domain=example.org")

        title("Module status: enable Mail; what it needs is offered in order, with consent")
        self.run("modules")
        self.run("enable mail_retrieval --yes")
        self.run("save")
        self.run("status")

        title("A virtual domain: a setting, so it takes effect at Save")
        self.run("domain add example.org")
        self.run("plan")
        self.run("save")

        title("A user: immediate; the default user template makes the mail account")
        self.run("user add ada --first Ada --last Lovelace --password-stdin", PASSWORD)
        self.run("account list")

        title("With the template's switch off, the account is made by hand")
        self.run("settings set mail_smtp.user_template mail_account=no")
        self.run("save")
        self.run("user add grace --first Grace --last Hopper --password-stdin", PASSWORD)
        self.run("account add grace grace@example.org")

        title("A network object with a member, and a relay policy for it")
        self.run("object add office")
        self.run(f"object add-member office {CLIENT}")
        self.run("relay allow office")
        self.run("save")

        title("Mail to the outside")
        self.send_from_object()
        self.send_authenticated()
        self.show_outside()

        title("Mail from the outside")
        self.refuse_stranger()
        self.receive()

    def run(self, words: str, typed: str = "") -> None:
        """Print a command and run it."""
        print(f"\n\033[1m$ mailstead {words}\033[0m", flush=True)
        done = subprocess.run(
            [COMMAND, *shlex.split(words)],
            input=f"{typed}\n" if typed else None,
            stdin=None if typed else subprocess.DEVNULL,
            env={**os.environ, "MAILSTEAD_INSTANCE": str(self.folder)},
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"mailstead {words} ended with status {done.returncode}")

    def send_from_object(self) -> None:
        """A client whose address is in the object relays without authentication."""
        say(f"A client at {CLIENT} (in the object) sends from ada@example.org to {FRIEND}, port 25")
        with smtplib.SMTP(SERVER, self.port(25), source_address=(CLIENT, 0)) as client:
            client.send_message(message("ada@example.org", FRIEND, "from the office"))
        say("accepted")

    def send_authenticated(self) -> None:
        """A user relays after STARTTLS and AUTH on the submission port."""
        say(f"grace@example.org logs in on port 587 from {STRANGER} and sends to {FRIEND}")
        with smtplib.SMTP(SERVER, self.port(587), source_address=(STRANGER, 0)) as client:
            client.starttls(context=TRUST)
            client.login("grace@example.org", PASSWORD)
            client.send_message(message("grace@example.org", FRIEND, "from anywhere"))
        say("accepted")

    def show_outside(self) -> None:
        """Show what arrived outside, and what mail.log says of it."""
        wait("both messages to arrive outside", lambda: len(self._dumped()) >= 2)
        for path in self._dumped():
            text = path.read_text("utf-8", "replace")
            subject = re.search(r"^Subject: (.*)$", text, re.MULTILINE)
            say(f"arrived at {OUTSIDE}: {subject.group(1) if subject else path.name}")
        log = (self.folder / "var/log/mail.log").read_text()
        for line in log.splitlines():
            if f"to=<{FRIEND}>" in line and "status=sent" in line:
                say(f"mail.log: {line}")

    def refuse_stranger(self) -> None:
        """A stranger may not relay."""
        say(f"A stranger at {STRANGER} tries to relay to {FRIEND}")
        with smtplib.SMTP(SERVER, self.port(25), source_address=(STRANGER, 0)) as client:
            client.ehlo("stranger.example")
            client.mail("someone@elsewhere.example")
            code, words = client.rcpt(FRIEND)
        say(f"refused: {code} {words.decode()}")
        if code // 100 != 5:
            sys.exit("the server relayed for a stranger")

    def receive(self) -> None:
        """A stranger writes to a user, who reads it by IMAP."""
        say(f"A stranger at {STRANGER} writes to ada@example.org")
        with smtplib.SMTP(SERVER, self.port(25), source_address=(STRANGER, 0)) as client:
            client.send_message(message(FRIEND, "ada@example.org", "hello Ada"))
        wait("the message in Ada's mailbox", lambda: bool(self._inbox()))
        for subject in self._inbox():
            say(f"ada@example.org reads by IMAPS on port {self.port(993)}: {subject}")

    def stay(self) -> None:
        """Keep the server running and say how to try it."""
        title("The server runs. Try it with any mail client, from this machine:")
        print(f"  server {SERVER}; the certificate is self-signed\n"
              f"  IMAP {self.port(143)} (STARTTLS), IMAPS {self.port(993)}, "
              f"POP3 {self.port(110)}, POP3S {self.port(995)}\n"
              f"  SMTP {self.port(25)}, submission {self.port(587)} (STARTTLS), "
              f"submissions {self.port(465)} (TLS)\n"
              f"  users ada@example.org, grace@example.org; password: {PASSWORD}\n"
              f"  mail for other domains arrives in {self.dump}\n"
              f"  export MAILSTEAD_INSTANCE={self.folder}; {COMMAND} status\n"
              f"  log: {self.folder}/var/log/mail.log\n\nCtrl-C stops everything.")  # fmt: skip
        sys.stdout.flush()
        signal.pause()

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Run a mail server that stands for the rest of the world."""
        shutil.rmtree(self.dump, ignore_errors=True)
        self.dump.mkdir(mode=0o755)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.dump, nobody.pw_uid, nobody.pw_gid)
        sink = subprocess.Popen(
            ["/usr/sbin/smtp-sink", "-u", "nobody", "-R", str(self.dump), "-d", "message.",
             "-h", "elsewhere.example", f"{OUTSIDE}:{self.port(25)}", "100"],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield
        finally:
            sink.terminate()
            sink.wait()

    def stop(self) -> None:
        """Stop the sandbox's daemons."""
        environment = {**os.environ, "MAILSTEAD_INSTANCE": str(self.folder)}
        if (self.folder / "etc/mailstead/instance.toml").exists():
            subprocess.run([COMMAND, "stop", "--yes"], env=environment, check=False)

    def port(self, standard: int) -> int:
        """Give the sandbox's port for a standard one."""
        return standard + self.offset

    def _dumped(self) -> list[Path]:
        return sorted(self.dump.glob("message.*"))

    def _inbox(self) -> list[str]:
        with imaplib.IMAP4_SSL(SERVER, self.port(993), ssl_context=TRUST) as client:
            client.login("ada@example.org", PASSWORD)
            _, count = client.select("INBOX", readonly=True)
            if count == [b"0"]:
                return []
            _, found = client.fetch("1:*", "(BODY[HEADER.FIELDS (SUBJECT)])")
        return [part[1].decode().strip() for part in found if isinstance(part, tuple)]


def message(sender: str, recipient: str, subject: str) -> EmailMessage:
    """Make a message."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, recipient, subject
    made.set_content(f"{subject}\n")
    return made


def title(text: str) -> None:
    """Print a heading."""
    print(f"\n\033[1;36m== {text}\033[0m", flush=True)


def say(text: str) -> None:
    """Print a line."""
    print(f"   {text}", flush=True)


def wait(what: str, ready: object, seconds: float = 30.0) -> None:
    """Wait for something, saying so when it takes more than a second."""
    assert callable(ready)
    start = time.monotonic()
    told = False
    while not ready():
        passed = time.monotonic() - start
        if passed > seconds:
            sys.exit(f"waited {seconds:g} s in vain for {what}")
        if passed > 1 and not told:
            say(f"waiting for {what} …")
            told = True
        time.sleep(0.1)


def _folder() -> Path:
    """Give the sandbox's folder, emptied: var/demo, or elsewhere when daemons cannot reach it."""
    wanted = ROOT / "var/demo"
    wanted.parent.mkdir(exist_ok=True)
    if _is_reachable(ROOT) and len(str(wanted)) <= 60:
        return wanted
    other = Path(f"/var/tmp/mailstead-demo-{os.stat(ROOT).st_ino}")  # noqa: S108, PTH116
    if other.is_symlink() or (other.exists() and other.stat().st_uid != 0):
        sys.exit(f"{other} is not root's own folder")
    print(f"Other users cannot enter {ROOT}, and Postfix is one: the sandbox is in {other}")
    if wanted.is_symlink() or not wanted.exists():
        wanted.unlink(missing_ok=True)
        wanted.symlink_to(other)
    return other


def _is_reachable(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Refuse a second demo on the same folder; clear what an earlier one left."""
    with Path(f"{folder}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another demo runs in {folder}")
        _clear(folder)
        yield


def _clear(folder: Path) -> None:
    config = folder / "etc/mailstead/instance.toml"
    if config.exists():
        environment = {**os.environ, "MAILSTEAD_INSTANCE": str(folder)}
        argv: Sequence[str] = [str(COMMAND), "status", "--json"]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        if done.stdout.startswith("[") and any(row["daemons"] for row in json.loads(done.stdout)):
            subprocess.run([COMMAND, "stop", "--yes"], env=environment, check=False,
                           capture_output=True)  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)


def _free_offset() -> int:
    """Find an offset under which none of the ports is taken."""
    for offset in range(10000, 60000, 1000):
        if all(_is_free(offset + port) for port in (25, 110, 143, 465, 587, 993, 995)):
            return offset
    sys.exit("no free ports found")


def _is_free(port: int) -> bool:
    for address in (SERVER, OUTSIDE):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


if __name__ == "__main__":
    sys.exit(main())
