"""Commands that stay: started once, signalled only while they live."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstead.machine.resident import NOT_RUNNING

STAY = (sys.executable, "-c", "import time; time.sleep(60)")


def resident(*words: str) -> int:
    """Run the program."""
    argv = [sys.executable, "-m", "mailstead.machine.resident", *words]
    return subprocess.run(argv, check=False, timeout=30, stderr=subprocess.DEVNULL).returncode


def is_alive(pid: str) -> bool:
    """Tell whether a process runs, a zombie being none."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(pid: str) -> None:
    """Wait until a process is gone."""
    for _ in range(200):
        if not is_alive(pid):
            return
        time.sleep(0.05)
    pytest.fail(f"{pid} still runs")


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[str]:
    """Give a pid file whose process is stopped at the end."""
    path = tmp_path / "it.pid"
    yield str(path)
    resident("stop", str(path))


def test_it_runs_until_it_is_stopped(pid_file: str) -> None:
    """The file names it."""
    assert resident("start", pid_file, *STAY) == 0
    pid = Path(pid_file).read_text().strip()
    assert is_alive(pid)
    assert resident("stop", pid_file) == 0
    wait_for_end(pid)


def test_it_is_started_only_once(pid_file: str) -> None:
    """To start it again changes nothing."""
    resident("start", pid_file, *STAY)
    pid = Path(pid_file).read_text()
    assert resident("start", pid_file, *STAY) == 0
    assert Path(pid_file).read_text() == pid


def test_a_reload_is_a_hangup(pid_file: str, tmp_path: Path) -> None:
    """signal(7): SIGHUP."""
    ready, heard = tmp_path / "ready", tmp_path / "heard"
    program = (
        "import pathlib, signal\n"
        f"signal.signal(1, lambda *_: pathlib.Path({str(heard)!r}).touch())\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "while True: signal.pause()"
    )
    resident("start", pid_file, sys.executable, "-c", program)
    for path in (ready, heard):
        for _ in range(200):
            if path.exists():
                break
            time.sleep(0.05)
        if path is ready:
            assert resident("reload", pid_file) == 0
    assert heard.exists()


@pytest.mark.parametrize("verb", ["stop", "reload"])
def test_a_number_left_in_the_file_is_not_believed(verb: str, tmp_path: Path) -> None:
    """It may be another process by now: here this very one."""
    path = tmp_path / "stale.pid"
    path.write_text("1\n")
    assert resident(verb, str(path)) == NOT_RUNNING


@pytest.mark.parametrize("words", [(), ("start",), ("start", "x"), ("stop",), ("sing", "x")])
def test_other_words_are_refused(words: tuple[str, ...]) -> None:
    """With the usage."""
    assert resident(*words) == 2
