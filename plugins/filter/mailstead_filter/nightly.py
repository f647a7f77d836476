"""What is done to the quarantine every night: old mail goes, and somebody is told what is new."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from email.message import EmailMessage

from mailstead.plugin import Context, Machine, MachineError
from mailstead_filter.places import REPORTED
from mailstead_filter.quarantine import Held, change_held, list_held
from mailstead_filter.settings import Options
from mailstead_mail_smtp.places import CONFIG
from mailstead_mail_smtp.queue.filters import Filter
from mailstead_network.names import fqdn

DAY = 86400.0
NAMED = 100  # messages listed in a report


def expire(context: Context, machine: Machine, now: float) -> int:
    """Remove what has been there for longer than the settings say. Raises MachineError."""
    before = now - context.settings.form(Options).quarantine_days * DAY
    config = context.path(CONFIG)
    old = list_held(machine, config, wanted=Filter(before=before))
    return change_held(machine, config, "delete", [item.message.id for item in old])


def report(context: Context, machine: Machine, now: float) -> int:
    """Tell the notification address what came since the last report. Raises MachineError.

    Gives how many messages it was about; without an address or news nothing is sent.
    """
    recipient = context.settings.form(Options).notify
    since = _last_report(context, machine)
    new = list_held(machine, context.path(CONFIG), wanted=Filter(since=since))
    if recipient and new:
        _send(context, machine, recipient, report_text(fqdn(context), new))
    _remember(context, machine, now)
    return len(new) if recipient else 0


def report_text(name: str, new: Sequence[Held]) -> str:
    """Give the text of a report: what a stranger chose is shown as plain printable text."""
    counts = Counter(item.kind for item in new)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    lines = [f"New in quarantine on {name}: {kinds}.", ""]
    for item in new[:NAMED]:
        to = ", ".join(_plain(found.address) for found in item.message.recipients[:3])
        sender = _plain(item.message.sender)
        lines.append(f"{item.message.id}  {item.kind}  from {sender}  to {to}")
    if len(new) > NAMED:
        lines.append(f"and {len(new) - NAMED} more")
    lines += ["", "See `mailstead quarantine list`; `quarantine release ID` lets one go on."]
    return "\n".join(lines) + "\n"


def _send(context: Context, machine: Machine, recipient: str, text: str) -> None:
    message = EmailMessage()
    message["From"] = f"postmaster@{fqdn(context)}"
    message["To"] = recipient
    message["Subject"] = f"Quarantine on {fqdn(context)}"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834
    message.set_content(text)
    config = str(context.path(CONFIG))
    argv = ("sendmail", "-C", config, "-i", "-f", f"postmaster@{fqdn(context)}", "--", recipient)
    done = machine.run(argv, stdin=message.as_string())
    if done.status:
        raise MachineError(done.output, where=" ".join(argv))


def _last_report(context: Context, machine: Machine) -> float:
    try:
        return float(json.loads(machine.read_file(context.path(REPORTED))))
    except (FileNotFoundError, ValueError):
        return 0.0


def _remember(context: Context, machine: Machine, now: float) -> None:
    path = context.path(REPORTED)
    machine.replace_file(path, json.dumps(now).encode(), mode=0o600, uid=0, gid=0)


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:200])
