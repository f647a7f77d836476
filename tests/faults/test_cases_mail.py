"""Cases 4, 14, 15, 17, 18 and 28 with real Postfix and Dovecot in a sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path as MachinePath
from mailstead.transaction import probe
from mailstead.transaction.progress import Event
from mailstead.transaction.request import SaveResult
from tests.system.sandbox import Sandbox, processes_below, wait_until
from tests.system.watch import digests, pids

pytestmark = [pytest.mark.daemons]
MACHINE = RealMachine()
LMTP = "/var/spool/postfix/private/dovecot-lmtp"
ELSEWHERE = "192.0.2.7 50022 192.0.2.1 22"
QUICK = 1.0  # seconds until a silent daemon is believed to be silent


@pytest.fixture(scope="module")
def mail() -> Iterator[Sandbox]:
    """Give a mail server; tests leave its settings as they found them."""
    assert os.geteuid() == 0, "the tests with real daemons need root: run sudo script/test"
    sandbox = Sandbox.make()
    try:
        sandbox.run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
        sandbox.run("enable", "mail_retrieval", "--yes")
        sandbox.run("object", "add", "office")
        sandbox.run("object", "add-member", "office", "127.0.0.77")
        sandbox.run("save")
        yield sandbox
    finally:
        sandbox.destroy()


@pytest.fixture
def renamed(mail: Sandbox) -> Iterator[Sandbox]:
    """Give it with another host name in the draft, of which both daemons are told."""
    mail.run("settings", "set", "network.host", "hostname=other")
    yield mail
    mail.run("discard", "--yes")


def saved(sandbox: Sandbox, listener: Callable[[Event], None]) -> SaveResult:
    """Save in this process, which hears of each step."""
    with Engine.open(sandbox.folder) as engine:
        return engine.save(progress=listener)


def name(sandbox: Sandbox) -> str:
    """Give the name that port 25 greets with."""
    with sandbox.smtp() as client:
        return client.ehlo()[1].decode().split()[0]


def serves_the_old(sandbox: Sandbox, before: dict[str, str]) -> bool:
    """Tell whether files and daemons are what they were."""
    return digests(sandbox) == before and name(sandbox) == "mail.example.org" and all(
        sandbox.is_open(port) for port in (25, 143, 587, 993)
    )  # fmt: skip


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal, and wait until the process is gone where it is to go."""
    os.kill(pid, number)
    if number == signal.SIGKILL:
        wait_until(lambda: MACHINE.process(pid) is None)


def test_04_killed_while_daemons_are_told(renamed: Sandbox) -> None:
    """Postfix was told, Dovecot is about to be: the next command tells both of the old files."""
    before = digests(renamed)
    words = [sys.executable, "-m", "mailstead.cli", "save"]
    environment = {**os.environ, "MAILSTEAD_INSTANCE": str(renamed.folder), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as save:  # fmt: skip
        assert save.stdout is not None
        for line in save.stdout:
            if "act: " in line and "dovecot" in line:
                save.kill()
                break
    assert digests(renamed) != before
    assert "was undone: its process ended early" in renamed.run("status").stderr
    assert serves_the_old(renamed, before)


def test_14_dovecot_dies_before_it_is_told(renamed: Sandbox) -> None:
    """Its reload fails; it is started again with the old files, and so is Postfix told."""
    before, old = digests(renamed), pids(renamed)

    def listen(event: Event) -> None:
        if event.phase == "act" and "dovecot" in event.message:
            kill(old["dovecot"])

    result = saved(renamed, listen)
    assert result.outcome == "rolled back"
    assert "it does not run" in result.reason
    assert serves_the_old(renamed, before)
    assert pids(renamed)["postfix"] == old["postfix"]
    assert pids(renamed)["dovecot"] != old["dovecot"]


def test_15_postfix_dies_within_the_soak_time(renamed: Sandbox) -> None:
    """It answered, and is gone; it is started again with the old files."""
    before, old = digests(renamed), pids(renamed)
    killed = []

    def listen(event: Event) -> None:
        if event.phase == "probe" and event.message.startswith("watching"):
            kill(old["postfix"])
            killed.append(event)

    result = saved(renamed, listen)
    assert killed
    assert result.outcome == "rolled back"
    assert "postfix: it is not running" in result.reason
    assert serves_the_old(renamed, before)


def test_17_postfix_runs_and_says_nothing(
    renamed: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is stopped, so that its ports are open and dead; the probe finds that."""
    before, master = digests(renamed), pids(renamed)["postfix"]
    monkeypatch.setattr(probe, "READY_SECONDS", QUICK)
    frozen: list[int] = []

    def listen(event: Event) -> None:
        if event.phase == "probe" and not frozen:
            frozen.extend([master, *children(master)])
            for pid in frozen:
                kill(pid, signal.SIGSTOP)
        if event.phase == "undo":
            while frozen:
                kill(frozen.pop(), signal.SIGCONT)

    result = saved(renamed, listen)
    assert result.outcome == "rolled back"
    assert "smtp answers does not work" in result.reason
    assert serves_the_old(renamed, before)


def children(pid: int) -> list[int]:
    """Give the processes that a process has started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def test_18_dovecots_socket_for_postfix_breaks(
    mail: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postfix alone is acted on; Dovecot, whose files stay, is asked all the same."""
    mail.run("relay", "allow", "office")
    monkeypatch.setattr(probe, "READY_SECONDS", QUICK)
    before, old = digests(mail), pids(mail)
    socket, aside = mail.path(LMTP), mail.path(f"{LMTP}.aside")

    def listen(event: Event) -> None:
        if event.phase == "probe" and socket.exists():
            socket.rename(aside)
        if event.phase == "undo" and aside.exists():
            aside.rename(socket)

    result = saved(mail, listen)
    mail.run("discard", "--yes")
    assert result.outcome == "rolled back"
    assert "LMTP answers does not work" in result.reason
    assert serves_the_old(mail, before)
    assert pids(mail) == old


def test_28_a_save_that_nobody_confirms_is_undone_though_no_command_is_run(
    renamed: Sandbox,
) -> None:
    """By the process that was left to watch it, which ends then."""
    before = digests(renamed)
    renamed.run("save", "--confirm", "3s")
    assert name(renamed) == "other.example.org"
    assert watchers(renamed)
    wait_until(lambda: digests(renamed) == before, seconds=30)
    wait_until(lambda: not watchers(renamed), seconds=30)
    assert serves_the_old(renamed, before)
    assert [change["new"] for change in renamed.json("plan")["changes"]] == ["other"]


def watchers(sandbox: Sandbox) -> list[str]:
    """Give the processes that watch over a save."""
    return [line for line in processes_below(sandbox.folder) if "recover --watch" in line]


def test_28_a_save_that_is_confirmed_over_another_connection_stays(
    renamed: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection it was saved over may not confirm it; then the watch ends at once."""
    renamed.run("save", "--confirm", "2m")
    assert "over another connection" in renamed.run("confirm", status=2).stderr
    assert "waits to be confirmed" in renamed.run("save", status=2).stderr
    with monkeypatch.context() as other:
        other.setenv("SSH_CONNECTION", ELSEWHERE)
        assert "is confirmed" in renamed.run("confirm").stdout
    wait_until(lambda: not watchers(renamed))
    assert name(renamed) == "other.example.org"
    renamed.run("settings", "set", "network.host", "hostname=mail")
    assert renamed.json("save")["outcome"] == "committed"
    assert name(renamed) == "mail.example.org"


def test_04_to_28_leave_nothing(mail: Sandbox) -> None:
    """No temporary file, nothing staged, an empty journal."""
    for place in ("staging", "journal"):
        assert list(mail.path(f"/var/lib/mailstead/{place}").iterdir()) == []
    for folder in ("/etc/postfix", "/etc/dovecot", "/etc/dovecot/mailstead.d"):
        assert MACHINE.sweep(MachinePath(mail.path(folder))) == ()
