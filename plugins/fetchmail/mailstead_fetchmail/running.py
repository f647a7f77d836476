"""One run of Fetchmail for one account, under its own user: fetchmail(1), setpriv(1)."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from mailstead.plugin import Context, Machine, MachineError
from mailstead_fetchmail.accounts import ExternalAccount, get_account, sealed_password
from mailstead_fetchmail.places import SOCKET, STATE, USER
from mailstead_fetchmail.rcfile import Delivery, rcfile
from mailstead_fetchmail.sealing import read_key, unseal
from mailstead_fetchmail.settings import Options
from mailstead_fetchmail.words import outcome_of
from mailstead_mail_smtp.addresses.accounts import account_of
from mailstead_users.directory import Directory

LONGEST = 3600.0  # seconds a poll may take
PATIENCE = 15  # seconds to wait for a word, when somebody waits for the answer


@attrs.frozen
class Run:
    """A command and what it reads."""

    argv: tuple[str, ...]
    stdin: str = attrs.field(repr=False)


def run_for(
    context: Context, machine: Machine, connection: sa.Connection, key: bytes, number: int
) -> Run:
    """Make the run that polls an account. Raises NotFound, MachineError with plain words."""
    account = get_account(connection, number)
    recipient = _recipient(connection, account)
    password = unseal(key, sealed_password(connection, number))
    options = context.settings.form(Options)
    ca = str(options.ca) if options.ca else None
    delivery = Delivery(recipient, context.path(SOCKET), context.path(STATE), ca)
    return Run(command(machine), rcfile(account, password, delivery))


def try_account(context: Context, machine: Machine, directory: Directory, number: int) -> str:
    """Log in to an account without fetching; gives what went wrong in plain words, or "".

    Raises NotFound, MachineError.
    """
    key = read_key(context, machine)
    with directory.read() as connection:
        run = run_for(context, machine, connection, key, number)
    argv = (*run.argv, "--check", "--timeout", str(PATIENCE))
    return outcome_of(machine.run(argv, stdin=run.stdin, timeout=2.0 * PATIENCE)).error


def command(machine: Machine, *words: str) -> tuple[str, ...]:
    """Give the command line of Fetchmail. Raises MachineError when its user is missing."""
    ids = machine.user(USER)
    if ids is None:
        hint = "install the package fetchmail"
        raise MachineError("the system user does not exist", where=USER, hint=hint)
    # It ends when we do: two of one account would fetch the same mail.
    return (
        "setpriv", f"--reuid={ids[0]}", f"--regid={ids[1]}", "--clear-groups", "--no-new-privs",
        "--reset-env", "--pdeathsig=TERM", "--",
        "fetchmail", "--fetchmailrc", "-", "--nodetach", "--nosyslog", *words,
    )  # fmt: skip


def _recipient(connection: sa.Connection, account: ExternalAccount) -> str:
    own = account_of(connection, account.user_id)
    if own is None:
        raise MachineError(f"{account.user} has no mail account here")
    if not own.is_managed or own.refuses_mail:
        raise MachineError(f"the mail account {own.address} takes no mail now")
    return own.address
