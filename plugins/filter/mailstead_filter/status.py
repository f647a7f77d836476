"""What the filter does now: rspamc(1), and the age of ClamAV's signatures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from mailstead.plugin import Context, Machine, MachineError, Path
from mailstead_filter.facts import KNOWING
from mailstead_filter.places import CONTROLLER
from mailstead_filter.render import database
from mailstead_filter.settings import Options
from mailstead_filter.use import has_redis, is_in_use, uses_clamd

SINCE = "counted_since"
OLD = 7 * 86400.0  # seconds; freshclam brings new signatures every day


@attrs.frozen
class Status:
    """What there is to say, and what should worry an admin; `SINCE` is in seconds."""

    record: Mapping[str, Any]
    warnings: tuple[str, ...]


def find_status(context: Context, machine: Machine) -> Status:
    """Look at it. Raises MachineError when Rspamd does not answer."""
    options = context.settings.form(Options)
    stat = _ask(context, machine) if is_in_use(context) else {}
    newest = _newest_signature(context, machine) if uses_clamd(context) else None
    age = None if newest is None else int((machine.now() - newest) / 86400)
    record = {
        "in_use": is_in_use(context),
        "spam": options.spam,
        "virus": options.virus,
        "while_rspamd_is_down": options.failing,
        "remembers_in": "Redis" if has_redis(context) else "SQLite",
        "signatures_days_old": age,
        **_learned(stat),
        **_counted(stat, machine.now()),
    }
    return Status(record, tuple(_warnings(context, machine, newest)))


def _warnings(context: Context, machine: Machine, newest: float | None) -> Iterator[str]:
    if not is_in_use(context):
        yield "no mail passes through it: mailstead settings set mail_smtp.filter use=mailstead"
    if not uses_clamd(context):
        return
    if newest is None:
        yield f"there are no signatures in {database(context)}"
    elif machine.now() - newest > OLD and not context.instance.is_sandbox:
        yield "the signatures are old: see `systemctl status clamav-freshclam`"


def _newest_signature(context: Context, machine: Machine) -> float | None:
    folder = Path(database(context))
    names = (name for name in machine.list_directory(folder) if name.endswith(KNOWING))
    found = (machine.stat_file(folder / name) for name in names)
    return max((item.modified for item in found if item is not None), default=None)


def _ask(context: Context, machine: Machine) -> dict[str, Any]:
    argv = ("rspamc", "-h", str(context.path(CONTROLLER)), "--json", "stat")
    done = machine.run(argv)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        hint = "run `mailstead start filter`"
        raise MachineError(done.output or "Rspamd does not answer", where=argv[0], hint=hint)
    return found


def _counted(stat: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Give what was done since Rspamd was started.

    It counts each message, but not what it gave to the quarantine or threw away: these are left.
    """
    if not stat:
        return {}
    actions = {name.replace(" ", "_"): count for name, count in sorted(stat["actions"].items())}
    return {
        SINCE: now - stat["uptime"],
        "scanned": stat["scanned"],
        **{f"done_{name}": count for name, count in actions.items()},
        "done_quarantine_or_discard": stat["scanned"] - sum(actions.values()),
    }


def _learned(stat: Mapping[str, Any]) -> dict[str, Any]:
    names = {"BAYES_SPAM": "learned_spam", "BAYES_HAM": "learned_ham"}
    files = stat.get("statfiles", [])
    return {names[item["symbol"]]: item.get("revision") for item in files
            if item.get("symbol") in names}  # fmt: skip
