"""What tests with real daemons look at before and after: files, processes, settings, users."""

from __future__ import annotations

import contextlib
import hashlib
import io
from typing import Any
from unittest import mock

from mailstead.cli.main import run as run_here
from tests.system.sandbox import Done, Sandbox

GENERATED = ("/etc", "/var/lib/mailstead/originals", "/var/lib/mailstead/replaced")


def digests(sandbox: Sandbox) -> dict[str, str]:
    """Give the digest, mode and owner of each file that is generated."""
    found = {}
    for folder in GENERATED:
        for path in sorted(sandbox.path(folder).rglob("*")):
            if path.is_file():
                state = path.stat()
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path)] = f"{digest} {state.st_mode:o} {state.st_uid}:{state.st_gid}"
    return found


def times(sandbox: Sandbox) -> dict[str, int]:
    """Give the modification time of each generated file."""
    return {path: sandbox.path(path).stat().st_mtime_ns for path in _relative(sandbox)}


def everything(sandbox: Sandbox) -> dict[str, Any]:
    """Give files, settings, users and addresses: what a refused command must not change."""
    words = (("settings", "show"), ("user", "list"), ("account", "list"), ("alias", "list"))
    rows = {" ".join(item): shown(sandbox, *item) for item in words}
    return {"files": digests(sandbox), **rows}


def run_quickly(sandbox: Sandbox, *words: str, typed: str = "", status: int = 0) -> Done:
    """Run a command line in this process, which takes a tenth of the time."""
    done = try_quickly(sandbox, *words, typed=typed)
    assert done.status == status, f"{words}: {done.stdout}\n{done.stderr}"
    return done


def try_quickly(sandbox: Sandbox, *words: str, typed: str = "") -> Done:
    """Run a command line in this process, however it ends."""
    out, errors, given = io.StringIO(), io.StringIO(), io.StringIO(typed)
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
        mock.patch("sys.stdin", given),
    ):
        status = run_here(["--instance", str(sandbox.folder), *words])
    return Done(status, out.getvalue(), errors.getvalue())


def refusal_of(sandbox: Sandbox, *words: str) -> str:
    """Give what a change of the draft is refused with: at once, or by the plan of it."""
    done = try_quickly(sandbox, *words)
    if done.status == 0:
        done = run_quickly(sandbox, "plan", status=2)
    run_quickly(sandbox, "discard", "--yes")
    return done.stderr


def shown(sandbox: Sandbox, *words: str) -> Any:
    """Run a command that only shows something, and give its document."""
    return run_quickly(sandbox, "--json", *words).json


def pids(sandbox: Sandbox, status: int = 0) -> dict[str, int]:
    """Give the process id of each daemon that runs, by name."""
    rows = sandbox.run("--json", "status", status=status).json
    return {d["name"]: d["pid"] for row in rows for d in row["daemons"] if d["pid"]}


def reloads(sandbox: Sandbox) -> list[str]:
    """Give the lines in the daemons' logs that tell of a reload or a start."""
    words = ("reload", "SIGHUP", "starting", "terminating")
    found = []
    for name in ("mail.log", "dovecot.log"):
        path = sandbox.path(f"/var/log/{name}")
        if path.exists():
            lines = path.read_text(errors="replace").splitlines()
            found += [line for line in lines if any(word in line for word in words)]
    return found


def _relative(sandbox: Sandbox) -> list[str]:
    return [path.removeprefix(str(sandbox.folder)) for path in digests(sandbox)]
