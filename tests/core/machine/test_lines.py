"""Reading what a program prints while it runs."""

from __future__ import annotations

import os
import pathlib
import tracemalloc

import pytest

from mailstead.errors import CommandFailed, MachineError
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path
from mailstead.machine.waiting import wait_until


def test_lines_come_while_the_program_runs(real: RealMachine) -> None:
    """The first is there although the program never ends by itself."""
    with real.run_lines(["sh", "-c", "echo one; echo two; exec sleep 60"]) as lines:
        found = iter(lines)
        assert [next(found), next(found)] == ["one", "two"]


def test_a_program_whose_reader_stops_is_killed(real: RealMachine, root: Path) -> None:
    """With its children, although it would print for ever."""
    script = f"echo $$ >{root}/pid; exec yes"
    with real.run_lines(["sh", "-c", script]) as lines:
        assert next(iter(lines)) == "y"
    pid = int(pathlib.Path(root / "pid").read_text())
    assert wait_until(real, lambda: real.process(pid) is None, seconds=5)


def test_standard_error_does_not_block_the_program(real: RealMachine) -> None:
    """Both pipes are read: more than either holds goes through each."""
    script = "head -c 300000 /dev/zero >&2; yes | head -n 100000; head -c 300000 /dev/zero >&2"
    with real.run_lines(["sh", "-c", script]) as lines:
        assert sum(1 for _ in lines) == 100_000
        assert len(lines.complaints) == 600_000


def test_a_status_other_than_0_is_raised_after_the_lines(real: RealMachine) -> None:
    """With what the program said of it."""
    found: list[str] = []
    with (
        pytest.raises(CommandFailed, match="exit status 3: oops"),
        real.run_lines(["sh", "-c", "echo one; echo oops >&2; exit 3"]) as lines,
    ):
        found.extend(lines)
    assert found == ["one"]


def test_a_program_that_is_late_is_killed(real: RealMachine, root: Path) -> None:
    """Also when it prints all the time."""
    script = f"echo $$ >{root}/pid; exec yes"
    with (
        pytest.raises(MachineError, match=r"did not end within 0\.3 s"),
        real.run_lines(["sh", "-c", script], timeout=0.3) as lines,
    ):
        for _ in lines:
            pass
    pid = int(pathlib.Path(root / "pid").read_text())
    assert wait_until(real, lambda: real.process(pid) is None, seconds=5)


def test_a_long_line_is_cut_and_the_next_is_whole(real: RealMachine) -> None:
    """Its rest is thrown away."""
    script = "head -c 300000 /dev/zero | tr '\\0' x; echo; echo next; printf last"
    with real.run_lines(["sh", "-c", script], longest=70_000) as lines:
        assert list(lines) == ["x" * 70_000, "next", "last"]


def test_bytes_that_are_no_text_are_replaced(real: RealMachine) -> None:
    """A line is always text, and a carriage return ends none."""
    with real.run_lines(["printf", r"a\377b\rc\n\nd"]) as lines:
        assert list(lines) == ["a\ufffdb\rc", "", "d"]


def test_a_daemon_left_behind_does_not_block(real: RealMachine, root: Path) -> None:
    """The program's end is what counts, not that of its output."""
    script = f"sleep 60 & echo $! >{root}/pid; echo started"
    with real.run_lines(["sh", "-c", script], timeout=20) as lines:
        assert list(lines) == ["started"]
    os.kill(int(pathlib.Path(root / "pid").read_text()), 9)


def test_memory_does_not_grow_with_the_output(real: RealMachine) -> None:
    """A hundred thousand lines of a queue, 30 MB, are read in less than one."""
    with real.run_lines(["sh", "-c", f"yes {'x' * 300} | head -n 100000"]) as lines:
        tracemalloc.start()
        try:
            count = sum(1 for _ in lines)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert count == 100_000
    assert peak < 1 << 20


def test_a_missing_program_is_named(real: RealMachine) -> None:
    """Before anything is read."""
    with (
        pytest.raises(MachineError, match="the program is missing"),
        real.run_lines(["no-such-program"]),
    ):
        pass
