"""What looking at a large mail queue costs: its files are copies of one deferred message."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import command

DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxy"  # of an inode in a queue id
DEAD = "[127.61.7.5]:9"
RUNS = 3


def queue_costs(folder: Path, program: str, messages: int) -> Iterator[str]:
    """Give lines: milliseconds of commands over a queue of so many messages."""
    instance = folder / "queue"
    environment = {"MAILSTEAD_INSTANCE": str(instance)}

    def run(*words: str) -> str:
        done = subprocess.run(
            [program, *words], env={**os.environ, **environment}, check=True, capture_output=True
        )
        return done.stdout.decode()

    run("init", "--sandbox", "--address", "127.61.7.4", "--port-offset", "22000",
        "--outside", DEAD)  # fmt: skip
    run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
    run("enable", "--yes", "mail_smtp")
    run("save")
    try:
        _send_one(instance)
        while not (found := json.loads(run("--json", "queue", "list", "--queue", "deferred"))):
            time.sleep(0.2)
        _copy(instance / "var/spool/postfix", found[0]["id"], messages)
        for words in (("count",), ("list",), ("list", "--recipient", "no@one.example")):
            argv = (program, "queue", *words)
            name = f"queue {' '.join(words)}, {messages} messages"
            yield command(name, argv, runs=RUNS, env=environment).line()
        for words in ("hold", "delete"):
            begun = time.monotonic()
            run("queue", words, "--all", "--yes")
            spent = (time.monotonic() - begun) * 1000
            yield f"{f'queue {words} --all, {messages} messages':<58} {'':8} {spent:8.0f}"
    finally:
        run("stop", "--yes")


def _send_one(instance: Path) -> None:
    argv = ["/usr/sbin/sendmail", "-C", str(instance / "etc/postfix"), "-f", "ada@example.org",
            "grace@outside.example"]  # fmt: skip
    subprocess.run(argv, input=b"Subject: hello\n\nhello\n" + b"x" * 70 + b"\n", check=True)


def _copy(queue: Path, queue_id: str, messages: int) -> None:
    """Copy a message and its reasons; ids with the same microseconds are in the same folder."""
    head, _, _ = queue_id.rpartition("z")
    for name in ("deferred", "defer"):
        (found,) = (queue / name).rglob(queue_id)
        owner = found.stat()
        for number in range(1, messages):
            copy = found.with_name(f"{head}z{_inode(number)}")
            shutil.copy2(found, copy)
            os.chown(copy, owner.st_uid, owner.st_gid)


def _inode(number: int) -> str:
    text = ""
    for _ in range(8):
        number, digit = divmod(number, len(DIGITS))
        text = DIGITS[digit] + text
    return text
