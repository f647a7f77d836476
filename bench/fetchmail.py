"""What handing fetched mail over costs, beside Dovecot's own delivery of the same messages.

Three things are measured in turns: Fetchmail fetches and throws away, Fetchmail fetches and
hands over as it does every day, and a client hands the same messages to Dovecot by LMTP in one
session. What the first two differ by is the hand-over; the third is what cannot be done without.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.system.external import External

from bench.generated import Generated
from mailstead.engine import Engine
from mailstead.settings.types import Secret
from mailstead_fetchmail.accounts import Choices, add_account
from mailstead_fetchmail.delivered import noting, record_of
from mailstead_fetchmail.running import Run, run_for
from mailstead_fetchmail.sealing import read_key
from mailstead_mail_retrieval.daemon import LMTP
from mailstead_users.opening import open_directory

MESSAGES, ROUNDS, LINES = 500, 3, 57  # lines of 71 bytes: 4 KiB
HOPED = 1.10
OWNER, LOGIN, PASSWORD = "user0@example.org", "bench", "correct horse battery"


def fetching(folder: Path, messages: int = MESSAGES, rounds: int = ROUNDS) -> Iterator[str]:
    """Measure both protocols; gives the lines of the report."""
    ours = Generated(folder, "127.61.7.6", 23000, ["example.org"])
    theirs = External.start()
    try:
        ours.run("enable", "--yes", "fetchmail")
        ours.run("settings", "set", "fetchmail.options", f"ca={theirs.ca}")
        ours.run("save")
        ours.add_accounts([OWNER])
        theirs.add_user(LOGIN, PASSWORD)
        yield f"{f'ms for each of {messages} messages of 4 KiB':<44} {'IMAPS':>9} {'POP3S':>9}"
        yield from _report(
            *(_measure(ours, theirs, protocol, messages, rounds) for protocol in ("imaps", "pop3s"))
        )
    finally:
        ours.stop()
        theirs.stop()


def _report(imap: tuple[float, ...], pop3: tuple[float, ...]) -> Iterator[str]:
    names = ("fetched and thrown away", "fetched and handed over", "LMTP into Dovecot alone")
    for name, one, other in zip(names, imap, pop3, strict=True):
        yield f"{name:<44} {one:9.2f} {other:9.2f}"
    ratios = [(all_ - fetched) / alone for fetched, all_, alone in (imap, pop3)]
    yield f"{f'hand-over / LMTP alone (hoped: {HOPED})':<44} {ratios[0]:9.2f} {ratios[1]:9.2f}"


def _measure(
    ours: Generated, theirs: External, protocol: str, messages: int, rounds: int
) -> tuple[float, ...]:
    """Give milliseconds for each message: fetched only, handed over, by LMTP alone."""
    with Engine.open(ours.folder) as engine:
        context, machine = engine.context("running"), engine.machine
        with open_directory(context) as directory, directory.write() as connection:
            choices = Choices(LOGIN, theirs.name, protocol, theirs.port(protocol))
            key = read_key(context, machine)
            connection.exec_driver_sql("DELETE FROM fetchmail.external_accounts")
            made = add_account(connection, key, "user0", Secret(PASSWORD), choices, 0.0)
            run = run_for(context, machine, connection, made.id)
        target = context.path(LMTP)
        uid, gid = run.ids

        def fetch(more: str = "") -> None:
            note = noting(machine, record := record_of(context, made.id))
            with machine.lmtp_gate(run.gate, target, uid=uid, gid=gid, on_taken=note):
                _fetch(run, more)
            machine.remove_file(record)

        def thrown_away() -> float:
            return _timed(theirs, messages, lambda: fetch('bsmtp "/dev/null"\n'))

        def handed_over() -> float:
            return _timed(theirs, messages, fetch)

        def alone() -> float:
            return _timed(theirs, 0, lambda: _deliver(str(target), messages))

        ways = (thrown_away, handed_over, alone)
        found: list[list[float]] = [[], [], []]
        for number in range(rounds + 1):
            for way, figures in zip(ways, found, strict=True):
                seconds = way()
                if number:  # the first warms up
                    figures.append(seconds * 1000 / messages)
    return tuple(statistics.median(figures) for figures in found)


def _timed(theirs: External, messages: int, action: Callable[[], None]) -> float:
    theirs.put(LOGIN, [str(number) for number in range(messages)], size=LINES)
    start = time.monotonic()
    action()
    seconds = time.monotonic() - start
    if messages and theirs.left(LOGIN):
        raise RuntimeError("messages were left behind")
    return seconds


def _fetch(run: Run, more: str) -> None:
    done = subprocess.run(
        run.argv, input=run.stdin + more, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)


def _deliver(place: str, messages: int) -> None:
    """Deliver by LMTP, waiting for each answer as Fetchmail does."""
    body = ("x" * 70 + "\r\n") * LINES
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(place)
        stream = client.makefile("rwb", buffering=1 << 16)

        def say(text: str) -> None:
            stream.write(f"{text}\r\n".encode())
            stream.flush()
            while stream.readline()[3:4] == b"-":
                pass

        stream.readline()
        say("LHLO bench")
        for number in range(messages):
            say("MAIL FROM:<friend@elsewhere.example>")
            say(f"RCPT TO:<{OWNER}>")
            say("DATA")
            say(f"Subject: {number}\r\nTo: {LOGIN}\r\n\r\n{body}.")
        say("QUIT")


def main() -> None:
    """Print the figures of this file alone."""
    folder = Path(tempfile.mkdtemp(prefix="mailstead-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        for line in fetching(folder / "i", *map(int, sys.argv[1:])):
            print(line, flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
