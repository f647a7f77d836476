"""Remove mail that has lain in a folder for long: doveadm-expunge(1), doveadm-search-query(7).

What goes is written down before it goes. The boundary is a moment, worked out once, so that what
is removed is what was written down.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

import attrs

from mailstead.plugin import Context, Machine, MachineError, NotFound, Path
from mailstead_mail_retrieval.settings import Expiration

LOGS = "/var/lib/mailstead/expiry"
CONFIG = "/etc/dovecot/dovecot.conf"
DAY = 86400
KEPT_LOGS = 100
LONGEST_LOG = 100_000  # messages written down in one run; the rest is counted
TIMEOUT = 3600.0
_FIELDS = ("uid", "date.saved", "size.physical")  # the account comes first


@attrs.frozen
class Removal:
    """A message that is removed; ``saved`` is when it came to the folder."""

    account: str
    folder: str
    uid: str
    saved: str
    size: int


@attrs.frozen
class Run:
    """One run: when it was, the messages it removed, and how many these were in all."""

    at: float
    removals: tuple[Removal, ...]
    count: int


def find_expired(context: Context, machine: Machine, now: float) -> Iterator[Removal]:
    """Give what a run at this moment would remove. Raises MachineError."""
    for rule in context.settings.rows(Expiration):
        words = ("fetch", "-A", " ".join(_FIELDS), *_query(rule, now))
        with machine.run_lines(_doveadm(context, *words), timeout=TIMEOUT) as lines:
            for line in islice(lines, 1, None):  # the titles come first
                yield _removal(rule.folder, line)


def expire(context: Context, machine: Machine, now: float) -> Run:
    """Write down what is old, then remove it. Raises MachineError."""
    kept: list[Removal] = []
    places: set[tuple[str, str]] = set()
    count = 0
    for item in find_expired(context, machine, now):
        count += 1
        places.add((item.account, item.folder))
        if count <= LONGEST_LOG:
            kept.append(item)
    run = Run(now, tuple(kept), count)
    if count:
        _write_down(context, machine, run)
        for rule in context.settings.rows(Expiration):
            for account in sorted(account for account, folder in places if folder == rule.folder):
                _expunge(context, machine, rule, account, now)
    return run


def list_runs(context: Context, machine: Machine) -> tuple[str, ...]:
    """Give the names of the runs that removed something, newest first."""
    names = (name.removesuffix(".json") for name in machine.list_directory(context.path(LOGS)))
    return tuple(sorted((name for name in names if name.isdecimal()), key=int, reverse=True))


def read_run(context: Context, machine: Machine, name: str) -> Run:
    """Give one run. Raises NotFound."""
    if name not in list_runs(context, machine):
        hint = "see `mailstead expiry log`"
        raise NotFound(f"there is no run {name!r}", where="expiry.run", hint=hint)
    found = json.loads(machine.read_file(_log(context, name)))
    removals = tuple(Removal(*item) for item in found["removals"])
    return Run(found["at"], removals, found["count"])


def _query(rule: Expiration, now: float) -> tuple[str, ...]:
    moment = max(int(now) - rule.days * DAY, 0)  # doveadm knows none before 1970
    return ("mailbox", rule.folder, "savedbefore", str(moment))


def _expunge(
    context: Context, machine: Machine, rule: Expiration, account: str, now: float
) -> None:
    argv = _doveadm(context, "expunge", "-u", account, *_query(rule, now))
    done = machine.run(argv, timeout=TIMEOUT)
    if done.status != 0:
        raise MachineError(done.output, where=" ".join(argv), hint="see /var/log/dovecot.log")


def _doveadm(context: Context, *words: str) -> tuple[str, ...]:
    return ("doveadm", "-c", str(context.path(CONFIG)), "-f", "tab", *words)


def _removal(folder: str, line: str) -> Removal:
    account, uid, saved, size = line.split("\t")
    return Removal(account, folder, uid, saved, int(size or 0))


def _write_down(context: Context, machine: Machine, run: Run) -> None:
    removals = [attrs.astuple(item) for item in run.removals]
    text = json.dumps({"at": run.at, "count": run.count, "removals": removals})
    path = _log(context, str(int(run.at * 1000)))
    machine.replace_file(path, text.encode(), mode=0o600, uid=0, gid=0)
    for name in list_runs(context, machine)[KEPT_LOGS:]:
        machine.remove_file(_log(context, name))


def _log(context: Context, name: str) -> Path:
    return context.path(f"{LOGS}/{name}.json")
