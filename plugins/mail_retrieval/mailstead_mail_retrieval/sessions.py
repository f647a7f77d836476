"""End IMAP, POP3 and ManageSieve sessions of logins that are closed: doveadm-kick(1).

A session of SMTP goes on until the program ends it, or Postfix does after `smtpd_timeout`.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailstead.plugin import Context, Machine, MachineError
from mailstead_mail_retrieval.usage import CONFIG

HINT = "run `mailstead restart mail_retrieval`, which ends all sessions"
NOBODY = "no users kicked"  # nobody had that login


def sessions_end(context: Context, machine: Machine, logins: Sequence[str]) -> None:
    """End the sessions of logins. Raises MachineError."""
    if machine.stat_file(context.path("/run/dovecot/anvil")) is None:
        return  # Dovecot does not run
    for login in logins:
        argv = ("doveadm", "-c", str(context.path(CONFIG)), "kick", login)
        done = machine.run(argv)
        if done.status != 0 and NOBODY not in done.output:
            raise MachineError(done.output.strip(), where=" ".join(argv), hint=HINT)
