"""A mail server of somebody else: a second real Dovecot, with IMAP and POP3, plain and TLS."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import attrs

from tests.system.sandbox import free_place, wait_until

CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = external
protocols = imap pop3
listen = {address}
default_login_user = dovenull
default_internal_user = dovecot
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = {folder}/passwd
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}
first_valid_uid = 100
mail_location = maildir:~/Maildir
mail_fsync = never
# A lock is made with its holder's number in it: that of a holder who was killed in between
# would be empty, and waited for for two minutes.
dotlock_use_excl = no
service imap-login {{
  service_count = 0
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service pop3-login {{
  service_count = 0
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
USER, GROUP = "nobody", "nogroup"  # of another machine: none of those that are made here
PORTS = {"imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995}


@attrs.frozen
class External:
    """The running server; its certificate is self-signed."""

    folder: Path
    offset: int
    address: str = "127.0.0.1"
    name: str = "localhost"

    @classmethod
    def start(cls) -> External:
        """Start one."""
        folder = Path(tempfile.mkdtemp(prefix="ext-", dir="/tmp"))
        folder.chmod(0o755)
        made = cls(folder, free_place()[1])
        for name in ("run", "state"):
            (folder / name).mkdir()
        (folder / "mail").mkdir(mode=0o700)
        shutil.chown(folder / "mail", USER, GROUP)
        (folder / "passwd").touch()
        made._certify()
        ports = {name: made.port(name) for name in PORTS}
        text = CONFIG.format(folder=folder, address=made.address, **ports)
        (folder / "dovecot.conf").write_text(text)
        subprocess.run(["dovecot", "-c", folder / "dovecot.conf"], check=True)
        return made

    @property
    def ca(self) -> str:
        """Give the path of what a client must trust."""
        return str(self.folder / "cert.pem")

    def port(self, protocol: str) -> int:
        """Give the port of a protocol."""
        return PORTS[protocol] + self.offset

    def add_user(self, login: str, password: str) -> None:
        """Give somebody an account, or another password."""
        lines = [line for line in (self.folder / "passwd").read_text().splitlines()
                 if not line.startswith(f"{login}:")]  # fmt: skip
        hashed = subprocess.run(
            ["doveadm", "pw", "-s", "SSHA256", "-p", password],
            check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
        text = "\n".join([*lines, f"{login}:{hashed}"]) + "\n"
        (self.folder / "passwd").write_text(text)

    def put(
        self, login: str, names: list[str], *, seen: bool = False, size: int = 20, line: str = ""
    ) -> None:
        """Put messages with these subjects, and maybe a header line more, into an INBOX."""
        new = self.folder / "mail" / login / "Maildir" / ("cur" if seen else "new")
        for folder in (new, new.with_name("tmp"), new.with_name("new"), new.with_name("cur")):
            folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            text = (
                "Return-Path: <friend@elsewhere.example>\nFrom: friend@elsewhere.example\n"
                f"To: {login}\nSubject: {name}\nMessage-ID: <{name}@elsewhere.example>\n"
                + (f"{line}\n" if line else "")
                + "\n"
                + ("x" * 70 + "\n") * size
            )
            (new.with_name("tmp") / name).write_text(text)
        done = ["chown", "-R", f"{USER}:{GROUP}", str(self.folder / "mail" / login)]
        subprocess.run(done, check=True)
        for name in names:  # whole, and theirs, when a poll that is under way sees it
            place = new / f"{name}.external{':2,S' if seen else ''}"
            (new.with_name("tmp") / name).rename(place)

    def left(self, login: str) -> int:
        """Count the messages in an INBOX that are not deleted."""
        folder = self.folder / "mail" / login / "Maildir"
        return sum(1 for name in ("new", "cur") for _ in (folder / name).iterdir())

    def log(self) -> str:
        """Give what it said."""
        return (self.folder / "log").read_text()

    def stop(self) -> None:
        """Stop it and remove it; it waits for its children."""
        pid = int((self.folder / "run" / "master.pid").read_text())
        subprocess.run(["doveadm", "-c", self.folder / "dovecot.conf", "stop"], check=True)
        wait_until(lambda: not Path(f"/proc/{pid}").exists())
        shutil.rmtree(self.folder)

    def _certify(self) -> None:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", f"/CN={self.name}", "-addext", f"subjectAltName=DNS:{self.name}",
             "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
        (self.folder / "cert.pem").chmod(0o644)
