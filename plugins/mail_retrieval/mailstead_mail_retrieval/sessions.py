"""End IMAP, POP3 and ManageSieve sessions of logins that are closed: doveadm-kick(1).

A session of SMTP goes on until the program ends it, or Postfix does after `smtpd_timeout`.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailstead.plugin import Completed, Context, Machine, MachineError
from mailstead_mail_retrieval.usage import CONFIG

HINT = "run `mailstead restart mail_retrieval`, which ends all sessions"
NOBODY = "no users kicked"  # nobody had that login


def sessions_end(context: Context, machine: Machine, logins: Sequence[str]) -> None:
    """End the sessions of logins. Raises MachineError."""
    if machine.stat_file(context.path("/run/dovecot/anvil")) is None:
        return  # Dovecot does not run
    # A whole domain may go: it takes a command for each of its logins, and few have a session.
    for login in logins if len(logins) == 1 else _inside(context, machine, logins):
        _doveadm(context, machine, "kick", login)


def _inside(context: Context, machine: Machine, logins: Sequence[str]) -> list[str]:
    """Give those of the logins that have a session: doveadm-who(1)."""
    _, *lines = _doveadm(context, machine, "-f", "tab", "who").stdout.splitlines() or [""]
    inside = {line.split("\t")[0] for line in lines}
    return [login for login in logins if login in inside]


def _doveadm(context: Context, machine: Machine, *words: str) -> Completed:
    argv = ("doveadm", "-c", str(context.path(CONFIG)), *words)
    done = machine.run(argv)
    if done.status != 0 and NOBODY not in done.output:
        raise MachineError(done.output.strip(), where=" ".join(argv), hint=HINT)
    return done
