"""Measure whole commands: processor and wall-clock time of finished processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence

import attrs


@attrs.frozen
class Figure:
    """What a command cost, in milliseconds: medians over the runs, and the worst run."""

    name: str
    processor: float
    wall: float
    worst_processor: float

    def line(self) -> str:
        """Give one line of the report."""
        return (f"{self.name:<58} {self.processor:8.0f} {self.wall:8.0f} "
                f"{self.worst_processor:8.0f}")  # fmt: skip


HEAD = f"{'milliseconds, median (worst)':<58} {'cpu':>8} {'wall':>8} {'max cpu':>8}"


def command(
    name: str, argv: Sequence[str], *, runs: int = 7, env: Mapping[str, str] | None = None
) -> Figure:
    """Run a command several times after one that is not counted."""
    samples = [_once(argv, env) for _ in range(runs + 1)][1:]
    processor = [sample[0] for sample in samples]
    wall = [sample[1] for sample in samples]
    return Figure(name, statistics.median(processor), statistics.median(wall), max(processor))


def _once(argv: Sequence[str], env: Mapping[str, str] | None) -> tuple[float, float]:
    start = time.monotonic()
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**_ordinary_environment(), **(env or {})},
    )
    assert process.stderr is not None
    words = process.stderr.read()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(argv)}: {words.decode()}")
    processor = usage.ru_utime + usage.ru_stime
    return processor * 1000, (time.monotonic() - start) * 1000


def _ordinary_environment() -> dict[str, str]:
    """Give the environment without what would have Python compile every module at each run."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
