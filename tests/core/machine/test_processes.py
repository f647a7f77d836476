"""Processes and the small questions about the machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mailstead.machine import processes
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Listener

NO_PID = 2**22 + 1


def test_our_own_process_is_known(real: RealMachine) -> None:
    """Its parent is among its ancestors, nearest first."""
    found = real.process(os.getpid())
    assert found is not None
    assert found.started > 0
    assert os.getppid() == real.ancestors(os.getpid())[0]
    assert real.ancestors(NO_PID) == ()


def test_a_zombie_does_not_run(real: RealMachine) -> None:
    """A process that nobody has waited for is over."""
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        assert real.process(child.pid) is not None
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert real.process(child.pid) is None


def test_a_name_with_brackets_and_spaces_is_read(real: RealMachine) -> None:
    """The kernel lets a process be called anything."""
    name = ") S 1 ("
    rename = f"open('/proc/self/comm', 'w').write({name!r}); print(flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", rename], stdin=pipe, stdout=pipe) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = real.process(child.pid)
        child.kill()
    assert found is not None
    assert name == found.name


def test_the_loopback_has_its_address(real: RealMachine) -> None:
    """Interfaces are listed with their addresses."""
    found = {item.name: item for item in real.interfaces()}
    assert "127.0.0.1" in found["lo"].addresses
    assert found["lo"].up


def test_users_and_groups_are_looked_up(real: RealMachine) -> None:
    """Root is known, strangers are not."""
    assert real.user("root") == (0, 0)
    assert real.group("root") == 0
    assert real.user("no such user") is None
    assert real.group("no such group") is None


def test_starting_up_loads_nothing_heavy() -> None:
    """The command line must answer quickly."""
    heavy = "{'psutil', 'apsw', 'ssl', 'socket', 'subprocess', 'shutil', 'ctypes'}"
    code = (
        "import sys, attrs; before = set(sys.modules); import mailstead.machine.real, "
        f"mailstead.machine.services; print(*({heavy} & set(sys.modules)) - before)"
    )
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_sockets_of_a_process_that_ends_meanwhile_are_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be said to hold a port that is free."""
    ended, other = Listener("127.0.0.1", 25, NO_PID, ""), Listener("127.0.0.1", 80, 1, "init")
    answers = [(ended, other), (other,)]
    monkeypatch.setattr(processes, "_listeners", lambda: answers.pop(0))
    assert processes.listeners() == (other,)
