"""Logins: which connection a process belongs to, as the kernel tells it."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from mailstead.machine import processes, session

SSH = "SSH_CONNECTION=192.0.2.7 50022 192.0.2.1 22"
PSEUDO_TERMINAL_3 = 136 << 8 | 3


class Kernel:
    """A /proc of our own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def process(
        self,
        pid: int,
        *environment: str,
        parent: int = 0,
        leader: int = 1,
        terminal: int = 0,
        audit: str = "4294967295",
    ) -> None:
        """Let a process run that started at 100 times its id."""
        place = self.folder / str(pid)
        place.mkdir()
        rest = " ".join(["0"] * 14)
        stat = f"{pid} (a) S {parent} {pid} {leader} {terminal} {rest} {pid * 100} 0"
        place.joinpath("stat").write_text(stat)
        place.joinpath("environ").write_bytes(b"".join(f"{v}\0".encode() for v in environment))
        place.joinpath("sessionid").write_text(audit)


@pytest.fixture
def kernel(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Give a kernel that tells what the test wants."""
    monkeypatch.setattr(processes, "PROC", tmp_path)
    return Kernel(tmp_path)


def test_an_audit_session_comes_first(kernel: Kernel) -> None:
    """The kernel keeps it for each login, and nobody can change it."""
    kernel.process(5, SSH, audit="12")
    assert session.session(5) == "audit 12"
    assert session.origin(5) == "ssh from 192.0.2.7"


def test_a_connection_is_found_behind_sudo(kernel: Kernel) -> None:
    """The nearest parent that has it is asked."""
    kernel.process(3, SSH.replace("50022", "50001"))
    kernel.process(4, "HOME=/root", SSH, parent=3)
    kernel.process(5, "HOME=/root", parent=4)
    assert session.session(5) == "ssh 192.0.2.7 50022 192.0.2.1 22"
    assert session.origin(5) == "ssh from 192.0.2.7"


@pytest.mark.parametrize("value", ["", "a b c d", "1 2 3 4\n", "\x1b[2J 1 x 2", "1 2 3 4 5"])
def test_what_is_no_connection_is_passed_over(kernel: Kernel, value: str) -> None:
    """The environment is anybody's, and ends up before people's eyes."""
    kernel.process(3, SSH)
    kernel.process(5, f"SSH_CONNECTION={value}", parent=3)
    assert session.session(5) == "ssh 192.0.2.7 50022 192.0.2.1 22"


def test_an_ipv6_address_with_its_scope_is_a_connection(kernel: Kernel) -> None:
    """As sshd gives it."""
    kernel.process(5, "SSH_CONNECTION=fe80::1%eth0 50022 fe80::2%eth0 22")
    assert session.origin(5) == "ssh from fe80::1%eth0"


def test_a_terminal_is_named_by_its_leader(kernel: Kernel) -> None:
    """All commands of a terminal are one session; an id used again is another."""
    kernel.process(8, leader=8, terminal=PSEUDO_TERMINAL_3)
    kernel.process(9, parent=8, leader=8, terminal=PSEUDO_TERMINAL_3)
    assert session.session(9) == session.session(8) == "terminal 8@800"
    assert session.origin(9) == "terminal pts/3"


def test_a_session_whose_leader_is_gone_has_a_name(kernel: Kernel) -> None:
    """Nobody else can have it meanwhile: the kernel keeps the id."""
    kernel.process(9, leader=8)
    assert session.session(9) == "terminal 8@0"
    assert session.origin(9) == "no terminal"


def test_what_cannot_be_read_is_passed_over(kernel: Kernel) -> None:
    """A kernel without audit, a process that has ended."""
    kernel.process(9, leader=9)
    for name in ("sessionid", "environ"):
        (kernel.folder / "9" / name).unlink()
    assert session.session(9) == "terminal 9@900"
    assert session.session(7) == "terminal 0@0"


def test_an_unknown_device_has_its_numbers(kernel: Kernel) -> None:
    """Better than none."""
    kernel.process(9, terminal=250 << 8 | 7)
    assert session.origin(9) == "terminal 250:7"


def test_a_real_connection_is_found_through_parents() -> None:
    """A child that lost its environment still belongs to the connection."""
    code = "import os; from mailstead.machine import session; print(session.origin(os.getpid()))"
    inner = ["env", "-i", sys.executable, "-c", code]
    outer = [sys.executable, "-c", f"import subprocess; subprocess.run({inner!r}, check=True)"]
    environment = {**os.environ, "SSH_CONNECTION": SSH.partition("=")[2]}
    done = subprocess.run(outer, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "ssh from 192.0.2.7"
