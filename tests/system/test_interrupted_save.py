"""A save that is told to end, whose terminal goes away, or that is killed, is undone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.system.sandbox import Sandbox


def test_an_interrupted_save_leaves_the_old_configuration_serving(sandbox: Sandbox) -> None:
    """Files as before, the daemon answers, the changes are still in the draft.

    What kill -9 leaves is undone by the next command, which says so.
    """
    sandbox.run("enable", "mail_smtp", "--yes")
    sandbox.run("save")
    path = sandbox.path("/etc/postfix/main.cf")
    before = path.read_bytes()
    sandbox.run("settings", "set", "network.host", "hostname=other")
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        assert _interrupted(sandbox, number, path, before) != 0
        assert path.read_bytes() == before
        with sandbox.smtp() as client:
            assert client.ehlo()[0] == 250
        plan = sandbox.json("plan")
        assert [change["new"] for change in plan["changes"]] == ["other"]
    _killed_save_is_undone_by_the_next_command(sandbox, path, before)


def _killed_save_is_undone_by_the_next_command(sandbox: Sandbox, path: Path, before: bytes) -> None:
    assert _interrupted(sandbox, signal.SIGKILL, path, before) == -signal.SIGKILL
    assert path.read_bytes() != before
    told = sandbox.run("plan").stderr
    assert "was undone: its process ended early; revision 1 is served" in told
    assert path.read_bytes() == before
    with sandbox.smtp() as client:
        assert b"other" not in client.ehlo()[1]
    assert sandbox.json("save")["outcome"] == "committed"
    with sandbox.smtp() as client:
        assert client.ehlo()[1].startswith(b"other.sandbox.test")
    assert sandbox.json("plan")["empty"]


def _interrupted(sandbox: Sandbox, number: signal.Signals, path: Path, before: bytes) -> int:
    """Send a signal to a save that has written and acted already; gives its exit status."""
    save = subprocess.Popen(
        [sys.executable, "-m", "mailstead.cli", "save"],
        env={**os.environ, "MAILSTEAD_INSTANCE": str(sandbox.folder), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert save.stdout is not None
    for line in save.stdout:
        if "probe:" in line:
            assert path.read_bytes() != before
            save.send_signal(number)
            break
    save.stdout.read()
    save.stdout.close()
    return save.wait(60)
