"""The commands ``client-settings`` and ``usage``, each about one account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import NotFound
from mailstead_mail_retrieval.autoconfig import autoconfig_xml
from mailstead_mail_retrieval.clients import NOTE, client_services
from mailstead_mail_retrieval.usage import usage_of
from mailstead_mail_smtp.addresses.accounts import MailAccount, get_account
from mailstead_mail_smtp.addresses.aliases import get_alias
from mailstead_users.opening import open_directory

if TYPE_CHECKING:
    from sqlalchemy import Connection


@click.command("client-settings")
@click.argument("address")
@click.option("--autoconfig", is_flag=True, help="Print Thunderbird's XML instead.")
@pass_app
def client_settings(app: App, address: str, autoconfig: bool) -> None:
    """Show what to enter in a mail program for ADDRESS, as the server is configured now."""
    account = _account(app, address)
    services = client_services(app.engine.context("running"), account.address)
    if autoconfig:
        _print_xml(app, autoconfig_xml(account.address, services))
        return
    rows = [
        (item.protocol, item.server, item.port, item.security, item.user, item.authentication)
        for item in services
    ]
    titles = ("Protocol", "Server", "Port", "Security", "User", "Authentication")
    app.print_table(f"Client settings for {account.address}", titles, rows)
    app.say(NOTE)


def _print_xml(app: App, document: str) -> None:
    """Print a document as it is, or in a JSON object."""
    app.emit({"autoconfig": document})
    if not app.json:
        click.echo(document, nl=False)


@click.command("usage")
@click.argument("address")
@pass_app
def usage(app: App, address: str) -> None:
    """Show how full an account's mailbox is."""
    account = _account(app, address)
    found = usage_of(app.engine.context("running"), app.engine.machine, account.address)
    record = {
        "address": account.address, "bytes": found.size, "limit": found.limit,
        "messages": found.messages,
    }  # fmt: skip
    app.print_record(f"Usage of {account.address}", record)


def _account(app: App, address: str) -> MailAccount:
    """Give the account an address belongs to; an alias is no user name."""
    app.engine.require_enabled("mail_retrieval")
    with open_directory(app.engine.context("running")) as directory, directory.read() as connection:
        try:
            return get_account(connection, address)
        except NotFound as missing:
            target = _target(app, connection, address)
            if target is None:
                raise missing from None
            return get_account(connection, target)


def _target(app: App, connection: Connection, address: str) -> str | None:
    try:
        alias = get_alias(connection, address)
    except NotFound:
        return None
    if alias.kind != "account":
        return None
    app.warn(f"{alias.address} is an alias; the account is {alias.target}")
    return alias.target
