"""The command ``external``: users' accounts on other servers; what it does is done at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import MachineError, types
from mailstead_fetchmail.grammar import PROTOCOLS
from mailstead_fetchmail.render import is_on
from mailstead_mail_smtp.postfix.filters import chosen_filter

if TYPE_CHECKING:
    from mailstead.plugin import Context
    from mailstead_fetchmail.accounts import ExternalAccount
    from mailstead_users.directory import Directory

NUMBER = click.argument("number", type=int)
STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)
PORT = click.option("--port", type=int, help="Its port, where it is not the usual one.")
KEEP = click.option("--keep/--no-keep", default=None, help="Leave fetched mail there.")
FETCH_READ = click.option(
    "--fetch-read/--no-fetch-read", default=None, help="Also fetch what was read there."
)
VERIFY = click.option(
    "--verify-tls/--no-verify-tls", default=None,
    help="Insist on TLS with a trusted certificate (the default).",
)  # fmt: skip
OFF = (
    "nothing is fetched: it is switched off; run `mailstead settings set "
    "mail_retrieval.services external_retrieval=yes` and `mailstead save`"
)


@contextmanager
def opened(app: App) -> Iterator[tuple[Directory, Context]]:
    """Open the directory. Raises ModuleUnavailable before the module is enabled and saved."""
    from mailstead_users.opening import open_directory

    app.engine.require_enabled("fetchmail")
    context = app.engine.context("running")
    with open_directory(context) as directory:
        yield directory, context


@click.group("external")
def external_group() -> None:
    """Accounts on other servers, from which users' mail is fetched. Takes effect at once."""


@external_group.command("add")
@click.argument("owner")
@click.argument("login")
@click.argument("server")
@click.option(
    "--protocol", default="imaps", show_default=True, metavar="|".join(PROTOCOLS),
    help="How the server is spoken to.",
)  # fmt: skip
@PORT
@KEEP
@FETCH_READ
@VERIFY
@STDIN
@pass_app
def add(
    app: App, /, owner: str, login: str, server: str, password_stdin: bool, **chosen: Any
) -> None:
    """Fetch mail for the user OWNER from the account LOGIN at SERVER."""
    from mailstead_fetchmail.accounts import Choices, add_account, proposed
    from mailstead_fetchmail.circles import refuse_ourselves
    from mailstead_fetchmail.sealing import read_key

    choices = Choices(login=login, server=server, **chosen)
    with opened(app) as (directory, context):
        with directory.read() as connection:
            # Whatever is wrong is told before somebody types a password.
            wanted = proposed(connection, owner, choices)
        refuse_ourselves(context, wanted["server"], wanted["port"])
        password = types.Secret(app.read_password(from_stdin=password_stdin))
        key = read_key(context, app.engine.machine)
        with directory.write() as connection:
            now = app.engine.machine.now()
            made = add_account(connection, key, owner, password, choices, now)
        app.note("external add", _named(made))
        app.say(f"external account {made.id} added: {made.title}, for {made.user}")
        _tell(app, context, made)


@external_group.command("list")
@click.argument("owner", required=False)
@click.option("--after", default=0, metavar="NUMBER", help="Begin after this number.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10000),
              help="Show at most so many.")  # fmt: skip
@pass_app
def list_accounts(app: App, owner: str | None, after: int, limit: int) -> None:
    """List external accounts, of OWNER or all, and what their last polls came to."""
    from mailstead_fetchmail import accounts
    from mailstead_fetchmail.polls import last_poll

    with opened(app) as (directory, _), directory.read() as connection:
        if owner:
            found = accounts.accounts_of(connection, owner)
        else:
            found = accounts.list_accounts(connection, after=after, limit=limit + 1)
        polls = {item.id: last_poll(connection, item.id) for item in found}
    rows = []
    for item in found if owner else found[:limit]:
        poll = polls[item.id]
        at, error = (app.time(poll.at), poll.error) if poll else ("", "")
        rows.append((item.id, item.user, item.login, item.server, item.protocol, at, error))
    titles = ("Number", "Owner", "Login", "Server", "Protocol", "Last poll", "Error")
    app.print_table("External accounts", titles, rows)
    if not owner and len(found) > limit:
        app.warn(f"there are more: --after {rows[-1][0]}")


@external_group.command("show")
@NUMBER
@pass_app
def show(app: App, number: int) -> None:
    """Show an external account and what its last poll came to."""
    from mailstead_fetchmail.accounts import get_account
    from mailstead_fetchmail.polls import last_poll

    with opened(app) as (directory, _), directory.read() as connection:
        found, poll = get_account(connection, number), last_poll(connection, number)
    record: dict[str, object] = {
        "number": found.id, "owner": found.user, "login": found.login, "server": found.server,
        "protocol": found.protocol, "port": found.port, "keep": found.keep,
        "fetch_read": found.fetch_read, "verify_tls": found.verify_tls,
        "last_poll": app.time(poll.at) if poll else None,
        "last_success": app.time(poll.succeeded) if poll and poll.succeeded else None,
        "fetched": poll.fetched if poll else 0, "error": poll.error if poll else "",
    }  # fmt: skip
    app.print_record(f"External account {number}", record)


@external_group.command("set")
@NUMBER
@click.option("--login", help="Another account there.")
@click.option("--server", help="Another server.")
@click.option("--protocol", metavar="|".join(PROTOCOLS), help="Another protocol, and its port.")
@PORT
@KEEP
@FETCH_READ
@VERIFY
@pass_app
def change(app: App, /, number: int, **chosen: Any) -> None:
    """Change an external account; what is not given stays as it is."""
    if all(value is None for value in chosen.values()):
        raise click.UsageError("give at least one option")
    from mailstead_fetchmail.accounts import Choices, change_account
    from mailstead_fetchmail.circles import refuse_ourselves

    with opened(app) as (directory, context):
        with directory.write() as connection:
            now = app.engine.machine.now()
            made = change_account(connection, number, Choices(**chosen), now)
            refuse_ourselves(context, made.server, made.port)
        app.note("external set", _named(made))
        app.say(f"external account {made.id} changed: {made.title}")
        _tell(app, context, made)


@external_group.command("password")
@NUMBER
@STDIN
@pass_app
def password(app: App, number: int, password_stdin: bool) -> None:
    """Set the password of an external account; it is asked for twice."""
    from mailstead_fetchmail.accounts import get_account, set_password
    from mailstead_fetchmail.sealing import read_key

    with opened(app) as (directory, context):
        with directory.read() as connection:
            get_account(connection, number)
        given = types.Secret(app.read_password(from_stdin=password_stdin))
        key = read_key(context, app.engine.machine)
        with directory.write() as connection:
            now = app.engine.machine.now()
            made = set_password(connection, key, number, given, now)
    app.note("external password", _named(made))
    app.say(f"password of external account {made.id} set")


@external_group.command("remove")
@NUMBER
@pass_app
def remove(app: App, number: int) -> None:
    """Fetch no more from an external account; mail here and there stays."""
    from mailstead_fetchmail.accounts import remove_account

    with opened(app) as (directory, _), directory.write() as connection:
        gone = remove_account(connection, number)
    app.note("external remove", _named(gone))
    app.say(f"external account {gone.id} removed: {gone.title}")


@external_group.command("test")
@NUMBER
@pass_app
def test(app: App, number: int) -> None:
    """Log in to an external account now, and tell whether that goes well; nothing is fetched."""
    from mailstead_fetchmail.running import try_account

    with opened(app) as (directory, context):
        error = try_account(context, app.engine.machine, directory, number)
    if error:
        raise MachineError(error, where=f"external account {number}")
    app.say(f"external account {number}: the server takes the login")


@external_group.command("follow", hidden=True)
@pass_app
def follow(app: App) -> None:
    """Poll accounts in their turn, until ended; the daemon of this module."""
    import gc

    from mailstead_fetchmail.staying import Stay

    gc.enable()  # the command line does without, since other commands are over soon
    engine = app.engine
    Stay(lambda: engine.context("running"), engine.machine, app.warn).stay()


def notes(context: Context, account: ExternalAccount) -> Iterator[str]:
    """Give what somebody should know about an account as it is now."""
    if not account.verify_tls:
        yield "without verified TLS others on the way may read the password and the mail"
    if (found := chosen_filter(context)) is not None:
        yield f"what is fetched does not pass through the mail filter, {found.title}"
    if not is_on(context):
        yield OFF


def _tell(app: App, context: Context, account: ExternalAccount) -> None:
    for note in notes(context, account):
        app.warn(note)


def _named(account: ExternalAccount) -> str:
    return f"{account.id}: {account.title} for {account.user}"


commands: list[click.Command] = [external_group]
