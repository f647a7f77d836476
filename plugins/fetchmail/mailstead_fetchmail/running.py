"""One run of Fetchmail for one account, under its own user: fetchmail(1), setpriv(1)."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from mailstead.plugin import Context, Machine, MachineError, Path
from mailstead_fetchmail.accounts import ExternalAccount, get_account, sealed_password
from mailstead_fetchmail.circles import mark_of
from mailstead_fetchmail.places import GATES, STATE, USER
from mailstead_fetchmail.program import command
from mailstead_fetchmail.rcfile import Delivery, rcfile
from mailstead_fetchmail.sealing import read_key, unseal
from mailstead_fetchmail.settings import Options
from mailstead_fetchmail.words import error_of
from mailstead_mail_smtp.addresses.accounts import account_of
from mailstead_users.directory import Directory

LONGEST = 3600.0  # seconds a poll may take
PATIENCE = 15  # seconds to wait for a word, when somebody waits for the answer


@attrs.frozen
class Run:
    """A command, what it reads, and for whom it fetches.

    Attributes:
        gate: the socket it brings mail to.
        mark: the header line by which what it brings is known.
        changed: when the account was changed last.
        ids: user and group it runs as.
    """

    argv: tuple[str, ...]
    stdin: str = attrs.field(repr=False)
    recipient: str
    gate: Path
    mark: bytes
    changed: float
    ids: tuple[int, int]


def run_for(
    context: Context, machine: Machine, connection: sa.Connection, number: int, *, name: str = ""
) -> Run:
    """Make the run that polls an account. Raises NotFound, MachineError with plain words.

    ``name`` is what Fetchmail's files are named by; two runs of one name exclude each other.
    """
    account = get_account(connection, number)
    recipient = _recipient(connection, account)
    key = read_key(context, machine)
    password = unseal(key, sealed_password(connection, number))
    gate = context.path(f"{GATES}/fetchmail-{number}.sock")
    state = context.path(f"{STATE}/{name or number}")
    ca = context.settings.form(Options).ca
    text = rcfile(account, password, Delivery(recipient, gate, state, ca))
    ids = _user(machine)
    mark = mark_of(key, number)
    return Run(command(ids), text, recipient, gate, mark, account.changed, ids)


def try_account(context: Context, machine: Machine, directory: Directory, number: int) -> str:
    """Log in to an account without fetching; gives what went wrong in plain words, or "".

    Raises NotFound, MachineError.
    """
    with directory.read() as connection:
        run = run_for(context, machine, connection, number, name=f"{number}-test")
    argv = (*run.argv, "--check", "--timeout", str(PATIENCE))
    return error_of(machine.run(argv, stdin=run.stdin, timeout=4.0 * PATIENCE))


def _user(machine: Machine) -> tuple[int, int]:
    ids = machine.user(USER)
    if ids is None:
        hint = "install the package fetchmail"
        raise MachineError("the system user does not exist", where=USER, hint=hint)
    return ids


def _recipient(connection: sa.Connection, account: ExternalAccount) -> str:
    own = account_of(connection, account.user_id)
    if own is None:
        raise MachineError(f"{account.user} has no mail account here")
    if not own.is_managed or own.refuses_mail:
        raise MachineError(f"the mail account {own.address} takes no mail now")
    return own.address
