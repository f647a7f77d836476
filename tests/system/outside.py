"""The rest of the world: Postfix's own test server smtp-sink(1), keeping what it receives."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import attrs

from tests.system.sandbox import free_place


@attrs.define
class Outside:
    """A server for every domain that is not ours."""

    folder: Path
    address: str
    port: int
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls) -> Outside:
        """Start it on a free loopback address."""
        folder = Path(tempfile.mkdtemp(prefix="ms-outside-", dir="/tmp"))
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        address, port = free_place()
        process = subprocess.Popen(
            ["/usr/sbin/smtp-sink", "-u", "nobody", "-R", str(folder), "-d", "message.",
             "-h", "outside.example", f"{address}:{port}", "100"],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return cls(folder, address, port, process)

    @property
    def route(self) -> str:
        """Give it as ``[address]:port``."""
        return f"[{self.address}]:{self.port}"

    def messages(self) -> list[str]:
        """Give what has arrived."""
        found = sorted(self.folder.glob("message.*"))
        return [path.read_text("utf-8", "replace") for path in found]

    def stop(self) -> None:
        """Stop it and remove what it kept."""
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)
