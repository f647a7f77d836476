"""Messages a second with the mail filter on and off, and where the time goes.

All rounds are of one sandbox in one run; only ratios mean something on another machine. Nothing is
looked up in the network, and clamd knows one signature: with freshclam's it takes longer.
"""

from __future__ import annotations

import re
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import attrs
import psutil

from bench.generated import Generated
from bench.throughput import ACCOUNTS, DOMAIN, SESSIONS, SIZE, Round, measure, median

MESSAGES, ROUNDS = 1000, 3
PLACE, OFFSET = "127.61.7.6", 23000
TASK = re.compile(rb"rspamd_task_write_log: .* time: ([0-9.]+)ms")
WAYS: Mapping[str, tuple[str, str, str]] = {
    "filter off": ("none", "yes", "yes"),
    "spam": ("mailstead", "yes", "no"),
    "virus": ("mailstead", "no", "yes"),
    "spam and virus": ("mailstead", "yes", "yes"),
}
SHOWN = {  # those that stay, by their pid files
    "rspamd": "run/rspamd/rspamd.pid",
    "clamd": "run/clamav/clamd.pid",
    "redis-server": "run/mailstead-redis/redis.pid",
}


@attrs.frozen
class Cost:
    """What one round showed: messages a second, and milliseconds for a message.

    Attributes:
        processor: of processors, by name of the program.
        looked: that Rspamd looked at one, clamd included.
    """

    rate: Round
    processor: Mapping[str, float]
    looked: float


def filter_costs(folder: Path, messages: int = MESSAGES, rounds: int = ROUNDS) -> Iterator[str]:
    """Measure each way in turns; gives the lines of the report."""
    addresses = [f"user{number}@{DOMAIN}" for number in range(ACCOUNTS)]
    server = Generated(folder / "filter", PLACE, OFFSET, [DOMAIN])
    server.add_accounts(addresses)
    server.run("enable", "--yes", "filter")
    server.run("settings", "set", "filter.options", "offline=yes")
    found: dict[str, list[Cost]] = {name: [] for name in WAYS}
    try:
        for number in range(rounds + 1):
            for name, words in WAYS.items():
                _choose(server, *words)
                result = _measure(server, addresses, messages)
                if number:  # the first warms up
                    found[name].append(result)
    finally:
        server.stop()
    yield from _report({name: _median(results) for name, results in found.items()})


def _report(medians: Mapping[str, Cost]) -> Iterator[str]:
    title = f"messages/s, {SIZE} bytes, {SESSIONS} sessions"
    yield f"{title:<44} {'accepted':>9} {'delivered':>9} {'ratio':>6}"
    first = next(iter(medians.values()))
    for name, item in medians.items():
        rate, ratio = item.rate, item.rate.delivered / first.rate.delivered
        yield f"{name:<44} {rate.accepted:9.0f} {rate.delivered:9.0f} {ratio:6.2f}"
    yield f"{'processor ms for a message':<31} {' '.join(f'{name:>12}' for name in SHOWN)}"
    for name, item in medians.items():
        cells = " ".join(f"{item.processor.get(program, 0):12.2f}" for program in SHOWN)
        yield f"{name:<31} {cells}"
    yield f"{'ms that Rspamd looks at a message':<44}"
    for name, item in medians.items():
        if item.looked:
            yield f"{name:<44} {item.looked:9.1f}"


def _choose(server: Generated, use: str, spam: str, virus: str) -> None:
    server.run("settings", "set", "mail_smtp.filter", f"use={use}")
    server.run("settings", "set", "filter.options", f"spam={spam}", f"virus={virus}")
    server.run("save")


def _measure(server: Generated, addresses: list[str], messages: int) -> Cost:
    log = server.folder / "var/log/rspamd/rspamd.log"
    begin = log.stat().st_size if log.exists() else 0
    before = _processor(server)
    rate = measure(server, addresses, messages)
    used = _processor(server)
    used.subtract(before)
    processor = {name: max(used[name], 0) * 1000 / messages for name in SHOWN}
    return Cost(rate, processor, _looked(log, begin))


def _processor(server: Generated) -> Counter[str]:
    """Give the seconds of processor so far of the server's own processes, by program."""
    found: Counter[str] = Counter()
    for name, pid_file in SHOWN.items():
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            main = psutil.Process(int((server.folder / pid_file).read_text()))
            for process in (main, *main.children(recursive=True)):
                times = process.cpu_times()
                found[name] += times.user + times.system
    return found


def _looked(log: Path, begin: int) -> float:
    if not log.exists():
        return 0.0
    with log.open("rb") as file:
        file.seek(begin)
        times = [float(found) for found in TASK.findall(file.read())]
    return statistics.median(times) if times else 0.0


def _median(rounds: list[Cost]) -> Cost:
    return Cost(
        median([item.rate for item in rounds]),
        {name: statistics.median(item.processor[name] for item in rounds) for name in SHOWN},
        statistics.median(item.looked for item in rounds),
    )


def main() -> None:
    """Print the figures of this file alone."""
    folder = Path(tempfile.mkdtemp(prefix="mailstead-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        for line in filter_costs(folder, *map(int, sys.argv[1:])):
            print(line, flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
