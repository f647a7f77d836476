"""Messages a second through the generated configuration, beside what one could write by hand.

All are measured in turns in the same run; only the ratios mean something on another machine.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import attrs

from bench.generated import Generated
from bench.plain import Plain

ACCOUNTS, SESSIONS, SIZE = 10, 20, 4096
MESSAGES, ROUNDS = 2000, 3
HOPED = 0.85
DOMAIN = "example.org"
LONGEST = 300.0


class Running(Protocol):
    """What is measured: where it listens, and the folder with its Maildirs."""

    place: tuple[str, int]
    mail: Path


class Server(Running, Protocol):
    """What is started and stopped for each round."""

    def start(self) -> None:
        """Start it."""

    def stop(self) -> None:
        """Stop it."""


@attrs.frozen
class Round:
    """Messages a second: accepted by SMTP, and found in Maildirs when all were there."""

    accepted: float
    delivered: float


def throughput(folder: Path, messages: int = MESSAGES, rounds: int = ROUNDS) -> Iterator[str]:
    """Measure them in turns; gives the lines of the report."""
    addresses = [f"user{number}@{DOMAIN}" for number in range(ACCOUNTS)]
    generated = Generated(folder / "generated", "127.61.7.4", 22000, [DOMAIN])
    generated.add_accounts(addresses)
    generated.run("enable", "--yes", "sieve")
    generated.run("save")
    generated.run("room", "find", "--quiet")  # as after the first night
    generated.stop()
    servers: dict[str, Server] = {
        "hand-written, the least": Plain(folder / "plain", "127.61.7.5", 22125, addresses),
        "hand-written, quotas and Sieve": Plain(
            folder / "same", "127.61.7.5", 22225, addresses, same=True
        ),
        "generated": generated,
    }
    found: dict[str, list[Round]] = {name: [] for name in servers}
    yield f"{f'messages/s, {SIZE} bytes, {SESSIONS} sessions':<44} {'accepted':>9} {'delivered':>9}"
    for number in range(rounds + 1):
        for name, server in servers.items():
            result = _alone(server, addresses, messages)
            if number:  # the first warms up
                found[name].append(result)
    medians = {name: median(results) for name, results in found.items()}
    for name, rate in medians.items():
        yield f"{name:<44} {rate.accepted:9.0f} {rate.delivered:9.0f}"
    *others, ours = medians.values()
    for name, other in zip(servers, others, strict=False):
        accepted, delivered = ours.accepted / other.accepted, ours.delivered / other.delivered
        title = f"generated to {name} ({HOPED})"
        yield f"{title:<44} {accepted:9.2f} {delivered:9.2f}"


def median(rounds: Sequence[Round]) -> Round:
    """Give the medians of some rounds."""
    return Round(
        statistics.median(item.accepted for item in rounds),
        statistics.median(item.delivered for item in rounds),
    )


def _alone(server: Server, addresses: Sequence[str], messages: int) -> Round:
    """Measure a server that is started for it; the other ones are stopped meanwhile."""
    server.start()
    try:
        return measure(server, addresses, messages)
    finally:
        server.stop()


def measure(server: Running, addresses: Sequence[str], messages: int) -> Round:
    """Send to a server that runs, and wait until all is in Maildirs."""
    goal = count(server.mail) + messages
    start = time.monotonic()
    send(server.place, addresses, messages)
    accepted = time.monotonic() - start
    while count(server.mail) < goal:
        if time.monotonic() - start > LONGEST:
            raise RuntimeError(f"{goal - count(server.mail)} messages did not arrive")
        time.sleep(0.05)
    delivered = time.monotonic() - start
    return Round(messages / accepted, messages / delivered)


def send(place: tuple[str, int], addresses: Sequence[str], messages: int) -> None:
    """Send by smtp-source(1), one for each account: it knows one recipient only."""
    each = len(addresses)
    sessions, count = str(SESSIONS // each), str(messages // each)
    processes = [
        subprocess.Popen(
            ["/usr/sbin/smtp-source", "-s", sessions, "-m", count, "-l", str(SIZE),
             "-M", "client.example", "-f", "load@elsewhere.example", "-t", address,
             f"inet:{place[0]}:{place[1]}"],
        )
        for address in addresses
    ]  # fmt: skip
    statuses = [process.wait() for process in processes]
    if any(statuses):
        raise RuntimeError("smtp-source failed")


def count(folder: Path) -> int:
    """Count the messages that came into Maildirs."""
    return sum(1 for new in folder.glob("**/Maildir/new") for _ in new.iterdir())


def main() -> None:
    """Print the figures of this file alone."""
    folder = Path(tempfile.mkdtemp(prefix="mailstead-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        for line in throughput(folder, *map(int, sys.argv[1:])):
            print(line, flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
