"""The files of the mail log: pure, but for the fact's finder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from mailstead.plugin import Context, Machine
from mailstead_mail_log.places import DOVECOT_LOG, LOGS, POSTFIX_LOG
from mailstead_mail_smtp.places import MANAGED


def has_rsyslog(machine: Machine) -> bool:
    """Tell whether rsyslog is installed, whose own rotation has Debian's mail.log."""
    return "rsyslog" in machine.package_versions(("rsyslog",))


def unit(context: Context) -> str | None:
    """Give the template of the unit; a sandbox has no systemd."""
    return None if context.instance.is_sandbox else "mail-log.service.j2"


def unit_variables(_context: Context) -> Mapping[str, Any]:
    """Give what the unit's template sees."""
    return {"managed": MANAGED, "python": sys.executable}


def rotation(context: Context) -> Mapping[str, Any]:
    """Give the logs that nobody else rotates: logrotate(8) refuses one that is named twice."""
    is_ours = context.instance.is_sandbox or not context.facts.get("has_rsyslog")
    names = (POSTFIX_LOG, DOVECOT_LOG) if is_ours else (DOVECOT_LOG,)
    return {"managed": MANAGED, "logs": [context.path(f"{LOGS}/{name}") for name in names]}
