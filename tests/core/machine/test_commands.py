"""Running real programs."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from mailstead.errors import MachineError
from mailstead.machine.commands import CUT, MAX_OUTPUT
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path
from mailstead.machine.waiting import wait_until


def pids_in(path: Path) -> list[int]:
    """Read process ids a script wrote."""
    return [int(word) for word in pathlib.Path(path).read_text(encoding="ascii").split()]


def test_status_output_and_input_are_given(real: RealMachine) -> None:
    """A status other than 0 is no exception."""
    done = real.run(["sh", "-c", "cat; echo oops >&2; exit 3"], stdin="hällo")
    assert (done.status, done.stdout, done.stderr) == (3, "hällo", "oops\n")


def test_the_environment_is_small_and_fixed(
    real: RealMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the admin's shell reaches a daemon."""
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("LC_ALL", "de_DE")
    names = {line.partition("=")[0] for line in real.run(["env"]).stdout.splitlines()}
    assert {"PATH", "LC_ALL", "LANG", "HOME"} == names
    assert "LC_ALL=C\n" in real.run(["env"]).stdout


def test_a_missing_program_is_named(real: RealMachine) -> None:
    """The message says which and what to do."""
    with pytest.raises(MachineError, match=r"no-such-program: the program is missing \(install"):
        real.run(["no-such-program"])


def test_an_argument_with_a_nul_is_refused(real: RealMachine) -> None:
    """It is an error of ours, in our words."""
    with pytest.raises(MachineError, match="cannot be started"):
        real.run(["echo", "a\0b"])


def test_a_hanging_command_and_its_children_are_killed(real: RealMachine, root: Path) -> None:
    """Nothing of it is left after the deadline."""
    script = f"echo $$ >{root}/pids; (sleep 60 & echo $! >>{root}/pids; wait)"
    with pytest.raises(MachineError, match=r"did not end within 0\.5 s"):
        real.run(["sh", "-c", script], timeout=0.5)
    pids = pids_in(root / "pids")
    assert len(pids) == 2
    assert wait_until(real, lambda: not any(map(real.process, pids)), seconds=5)


def test_a_daemon_left_behind_does_not_block(real: RealMachine, root: Path) -> None:
    """Neither with a file for its output, nor with the pipe still open in it."""
    script = f"sleep 60 & echo $! >>{root}/pids; echo started"
    begun = time.monotonic()
    piped = real.run(["sh", "-c", script])
    filed = real.run(["sh", "-c", script], background_output=root / "log")
    assert time.monotonic() - begun < 5
    daemons = pids_in(root / "pids")
    assert len([pid for pid in daemons if real.process(pid)]) == 2
    for pid in daemons:
        os.kill(pid, signal.SIGKILL)
    assert (piped.stdout, filed.stdout) == ("started\n", "")
    assert real.read_file(root / "log") == b"started\n"


def test_endless_output_is_cut(real: RealMachine) -> None:
    """Memory is not filled; the program is read to its end."""
    done = real.run(["head", "-c", str(3 * MAX_OUTPUT), "/dev/zero"])
    assert done.status == 0
    assert done.stdout == "\0" * MAX_OUTPUT + CUT


def test_bytes_that_are_no_text_are_replaced(real: RealMachine) -> None:
    """Output is always text."""
    assert real.run(["printf", r"a\377b"]).stdout == "a\ufffdb"


def test_a_link_as_background_output_is_refused(real: RealMachine, root: Path) -> None:
    """A log is not written through a planted link."""
    pathlib.Path(root / "log").symlink_to(root / "target")
    with pytest.raises(MachineError, match="log"):
        real.run(["true"], background_output=root / "log")


def test_a_detached_program_outlives_its_parent(root: Path) -> None:
    """It has a session of its own, no input, and its log at the end of what was there."""
    pathlib.Path(root / "log").write_text("before\n")
    script = f"cat; echo $$ >>{root}/pids; echo here; exec sleep 60"
    code = (
        "from mailstead.machine.base import Path; from mailstead.machine.commands import detach;"
        f"print(detach(['sh', '-c', {script!r}], log=Path({str(root / 'log')!r})))"
    )
    argv = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    pid, log = int(done.stdout), pathlib.Path(root / "log")
    real = RealMachine()
    assert wait_until(real, lambda: log.read_text() == "before\nhere\n", seconds=10)
    assert real.process(pid) is not None
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGKILL)
    assert pids_in(root / "pids") == [pid]
    assert done.stderr == ""


def test_a_detached_program_that_is_missing_is_named(real: RealMachine, root: Path) -> None:
    """It is known at once, not from the log."""
    with pytest.raises(MachineError, match="/no/such: the program is missing"):
        real.detach(["/no/such"], log=root / "log")
