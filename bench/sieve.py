"""What Sieve costs per message: in the generated configuration, and in the least one could write.

Mail is given straight to Dovecot by LMTP. Each of the two runs with Sieve and without it; what
Sieve costs is the difference. All four are measured in turns: wall-clock time of a message over
some connections at once, and processor time of the LMTP processes. What else happens on a machine
only ever adds, so the least of all rounds counts; only ratios mean something on another machine.
"""

from __future__ import annotations

import pwd
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import attrs
import psutil

from bench.generated import Generated
from bench.plain import DOVECOT

DOMAIN, ACCOUNTS, CONNECTIONS = "example.org", 4, 2
MESSAGES, ROUNDS, SIZE = 200, 15, 4096
HOPED = 1.10
# What hand-written configurations have, and the rules of an ordinary user.
WITH_SIEVE = """\
protocol lmtp {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_before = {before}
}}
"""
BEFORE = """\
require "fileinto";
if header :is "X-Spam-Flag" "YES" { fileinto "Junk"; stop; }
"""
RULES = """\
require ["fileinto"];
if header :contains "list-id" "python" { fileinto "Lists"; stop; }
if allof (header :contains "subject" "invoice", size :over 100K) { fileinto "Invoices"; }
"""
TEXT = "From: <load@elsewhere.example>\r\nSubject: hello\r\nMessage-ID: <{}@x>\r\n\r\n" + (
    "x" * 70 + "\r\n"
) * (SIZE // 72)


@attrs.frozen
class Server:
    """A Dovecot that runs: its configuration and its LMTP socket."""

    config: Path
    socket: Path

    def doveadm(self, *words: str, typed: str = "") -> None:
        """Run a command of its own."""
        argv = ["doveadm", "-c", str(self.config), *words]
        subprocess.run(argv, input=typed, text=True, check=True, capture_output=True)

    def put_rules(self) -> None:
        """Give each account its rules."""
        for address in addresses():
            self.doveadm("sieve", "put", "-a", "-u", address, "main", typed=RULES)

    def processor(self) -> float:
        """Give the seconds its LMTP processes have used."""
        found = [item for item in psutil.process_iter(["name"]) if item.info["name"] == "lmtp"]
        place = str(self.config.parent)
        mine = [item for item in found if any(place in word for word in _master(item))]
        return sum(sum(item.cpu_times()[:2]) for item in mine)


@attrs.frozen
class Cost:
    """Milliseconds of one message."""

    wall: float
    processor: float


def addresses() -> list[str]:
    """Give the accounts."""
    return [f"user{number}@{DOMAIN}" for number in range(ACCOUNTS)]


def costs(folder: Path, messages: int = MESSAGES, rounds: int = ROUNDS) -> Iterator[str]:
    """Measure all four in turns; gives the lines of the report."""
    with ExitStack() as stack:
        servers = {
            "hand-written": _plain(folder / "p", stack, sieve=False),
            "hand-written, Sieve": _plain(folder / "ps", stack, sieve=True),
            "generated": _generated(folder / "g", stack, 61, sieve=False),
            "generated, Sieve": _generated(folder / "gs", stack, 62, sieve=True),
        }
        found: dict[str, list[Cost]] = {name: [] for name in servers}
        for number in range(rounds + 1):
            for name, server in servers.items():
                cost = _measure(server, messages)
                if number:  # the first warms up
                    found[name].append(cost)
    least = [
        Cost(min(it.wall for it in each), min(it.processor for it in each))
        for each in found.values()
    ]
    yield f"{f'ms per message, {SIZE} bytes, {CONNECTIONS} connections':<44} {'wall':>9} {'cpu':>9}"
    for name, cost in zip(found, least, strict=True):
        yield f"{name:<44} {cost.wall:9.2f} {cost.processor:9.2f}"
    plain, plain_sieve, ours, ours_sieve = least
    yield _line("Sieve costs, hand-written", plain_sieve, plain)
    yield _line("Sieve costs, generated", ours_sieve, ours)
    wall = ours_sieve.wall / ours.wall / (plain_sieve.wall / plain.wall)
    processor = ours_sieve.processor / ours.processor / (plain_sieve.processor / plain.processor)
    yield f"{f'ratio of what Sieve adds (hoped: {HOPED})':<44} {wall:9.2f} {processor:9.2f}"


def _line(title: str, more: Cost, less: Cost) -> str:
    return f"{title:<44} {more.wall - less.wall:9.2f} {more.processor - less.processor:9.2f}"


def _measure(server: Server, messages: int) -> Cost:
    with ExitStack() as stack:
        clients = [stack.enter_context(_connect(server)) for _ in range(CONNECTIONS)]
        each = messages // CONNECTIONS
        _send(clients[0], 4)
        start, used = time.monotonic(), server.processor()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(_send, clients, [each] * CONNECTIONS))
        wall, processor = time.monotonic() - start, server.processor() - used
    return Cost(wall * 1000 / messages, processor * 1000 / messages)


def _connect(server: Server) -> smtplib.LMTP:
    return smtplib.LMTP(str(server.socket), local_hostname="bench.example")


def _send(client: smtplib.LMTP, count: int) -> None:
    targets = addresses()
    for number in range(count):
        text = TEXT.format(time.monotonic_ns())
        client.sendmail("load@elsewhere.example", [targets[number % len(targets)]], text)


def _master(process: psutil.Process) -> Sequence[str]:
    parent = process.parent()
    return parent.cmdline() if parent else ()


def _plain(folder: Path, stack: ExitStack, *, sieve: bool) -> Server:
    nobody = pwd.getpwnam("nobody")
    mail, private = folder / "mail", folder / "queue/private"
    for made in (folder, mail, private):
        made.mkdir(parents=True, exist_ok=True)
        shutil.chown(made, nobody.pw_uid, nobody.pw_gid)
    before = folder / "before.sieve"
    before.write_text(BEFORE)
    values = {"folder": folder, "queue": folder / "queue", "mail": mail, "uid": nobody.pw_uid,
              "gid": nobody.pw_gid, "before": before}  # fmt: skip
    server = Server(folder / "dovecot.conf", private / "dovecot-lmtp")
    text = DOVECOT + (WITH_SIEVE if sieve else "")
    server.config.write_text(text.format(**values))
    if sieve:
        subprocess.run(["/usr/bin/sievec", "-c", str(server.config), str(before)], check=True)
    subprocess.run(["/usr/sbin/dovecot", "-c", str(server.config)], check=True)
    stack.callback(server.doveadm, "stop")
    if sieve:
        server.put_rules()
    return server


def _generated(folder: Path, stack: ExitStack, number: int, *, sieve: bool) -> Server:
    made = Generated(folder, f"127.{number}.7.6", 22200 + number, [DOMAIN])
    stack.callback(made.stop)
    made.add_accounts(addresses())
    server = Server(
        folder / "etc/dovecot/dovecot.conf", folder / "var/spool/postfix/private/dovecot-lmtp"
    )
    if sieve:
        made.run("enable", "--yes", "sieve")
        made.run("save")
        server.put_rules()
    return server


def main() -> None:
    """Print the figures of this file alone."""
    folder = Path(tempfile.mkdtemp(prefix="mailstead-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        for line in costs(folder, *map(int, sys.argv[1:])):
            print(line, flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
