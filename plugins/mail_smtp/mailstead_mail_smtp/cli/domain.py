"""The command ``domain``: a draft, a save makes it effective."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import InUse, InvalidValue, NotFound, counted
from mailstead_mail_smtp.addresses.accounts import (
    MailAccount,
    count_accounts,
    delete_account,
    list_accounts,
    unmanaged_domains,
)
from mailstead_mail_smtp.addresses.aliases import (
    aliases_leading_to,
    count_aliases,
    delete_alias,
    list_aliases,
)
from mailstead_mail_smtp.addresses.managed import DOMAIN_NAME
from mailstead_mail_smtp.addresses.targets import no_catch_all, no_default_mailbox
from mailstead_mail_smtp.cli.account import opened
from mailstead_mail_smtp.places import MAILDIRS
from mailstead_mail_smtp.settings import DomainAliases, Domains
from mailstead_users.commands import end_sessions

if TYPE_CHECKING:
    from sqlalchemy import Connection

DOMAINS, ALIASES = "mail_smtp.domains", "mail_smtp.domain_aliases"
SAVE = "save to make it effective"
MAIL_ACCOUNT, MAIL_ALIAS = ("mail account", "mail accounts"), ("mail alias", "mail aliases")
WORDS = {"default_mailbox": "default mailbox", "catch_all": "catch-all"}
NAMED = 10  # accounts named in a refusal
PAGE = 500

CATCH_ALL = click.option(
    "--catch-all", metavar="ADDRESS", help="Gets a blind copy of all its mail; '' for nobody."
)
DEFAULT_MAILBOX = click.option(
    "--default-mailbox", metavar="ADDRESS",
    help="Account that gets mail for unknown recipients; '' to refuse it.",
)  # fmt: skip
COMMENT = click.option("--comment", help="For people.")


@click.group("domain")
def domain_group() -> None:
    """Domains this server receives mail for."""


@domain_group.command("add")
@click.argument("name")
@CATCH_ALL
@DEFAULT_MAILBOX
@COMMENT
@pass_app
def add_domain(app: App, /, name: str, **given: str | None) -> None:
    """Add a mail domain."""
    values = _values(given)
    _refuse_target(app, DOMAINS, name)
    key = app.engine.editor.add_row(DOMAINS, {"name": name, **values}, app.engine.actor)
    app.say(f"domain {key} added; {SAVE}")
    _tell_missing(app, key, values)


@domain_group.command("set")
@click.argument("name")
@CATCH_ALL
@DEFAULT_MAILBOX
@COMMENT
@pass_app
def set_domain(app: App, /, name: str, **given: str | None) -> None:
    """Change what becomes of a domain's mail."""
    values = _values(given)
    if not values:
        raise click.UsageError("give at least one option")
    _refuse_alias(app, name, "domain set {domain}")
    app.engine.editor.change_row(DOMAINS, name, values, app.engine.actor)
    app.say(f"domain {name} changed; {SAVE}")
    _tell_missing(app, name, values)


@domain_group.command("list")
@pass_app
def list_domains(app: App) -> None:
    """List mail domains, what becomes of their mail, and whether they are in effect.

    Warnings name default mailboxes and catch-alls that nobody has, and domains that have accounts
    and are not managed.
    """
    draft, running = (app.engine.context_settings(tree) for tree in ("draft", "running"))
    names: dict[str, list[str]] = {}
    for alias in draft.rows(DomainAliases):
        names.setdefault(alias.domain, []).append(alias.name)
    rows = [
        (row.name, running.row(Domains, row.name) is not None,
         names.get(row.name, []), row.catch_all or "", row.default_mailbox or "", row.comment)
        for row in draft.rows(Domains)
    ]  # fmt: skip
    titles = ("Name", "In effect", "Aliases", "Catch-all", "Default mailbox", "Comment")
    app.print_table("Mail domains", titles, rows)
    _tell_all_missing(app, draft)
    _tell_unmanaged(app)


@domain_group.command("remove")
@click.argument("name")
@click.option(
    "--force", is_flag=True, help="Also delete its accounts, aliases and every use of it."
)
@click.option("--with-mail", is_flag=True, help="With --force: also delete all its mail for ever.")
@pass_app
def remove_domain(app: App, name: str, force: bool, with_mail: bool) -> None:
    """Remove a mail domain; refused while it has mail accounts or aliases."""
    _refuse_alias(app, name, "domain alias remove {name}")
    found = app.engine.context_settings("running").row(Domains, name)
    if found is not None:
        _free(app, found.name, force=force, with_mail=with_mail)
    _remove(app, DOMAINS, name, force=force)
    app.say(f"domain {name} removed; {SAVE}")


@domain_group.group("alias")
def alias_group() -> None:
    """Further names of domains: each address in one is also an address in the other."""


@alias_group.command("add")
@click.argument("alias")
@click.argument("domain")
@pass_app
def add_alias(app: App, alias: str, domain: str) -> None:
    """Make ALIAS another name of DOMAIN."""
    values = {"name": alias, "domain": domain}
    _refuse_target(app, ALIASES, alias)
    _refuse_addresses(app, alias)
    key = app.engine.editor.add_row(ALIASES, values, app.engine.actor)
    app.say(f"{key} is another name of {domain}; {SAVE}")


@alias_group.command("list")
@pass_app
def list_domain_aliases(app: App) -> None:
    """List aliases of domains."""
    rows = [
        (row.name, row.domain) for row in app.engine.context_settings("draft").rows(DomainAliases)
    ]
    app.print_table("Aliases of domains", ("Alias", "Domain"), rows)


@alias_group.command("remove")
@click.argument("alias")
@click.option("--force", is_flag=True, help="Also unset the settings that hold an address in it.")
@pass_app
def remove_alias(app: App, alias: str, force: bool) -> None:
    """Take a name of a domain away; the domain's addresses stay."""
    _remove(app, ALIASES, alias, force=force)
    app.say(f"{alias} is no longer a name of a domain; {SAVE}")


def _remove(app: App, section: str, name: str, *, force: bool) -> None:
    """Remove a row, and tell what else is unset or removed with it."""
    uses = app.engine.editor.uses(section, name)
    app.engine.editor.remove_row(section, name, app.engine.actor, force=force)
    for use in uses:
        app.warn(f"{use} held {name}, and is freed")


def _values(given: dict[str, str | None]) -> dict[str, Any]:
    """Give what was asked for; an empty address unsets it."""
    asked = {name: value for name, value in given.items() if value is not None}
    return {name: value or ("" if name == "comment" else None) for name, value in asked.items()}


def _refuse_alias(app: App, name: str, command: str) -> None:
    """Raise NotFound for another name of a domain, with the command for it."""
    draft = app.engine.context_settings("draft")
    alias = draft.row(DomainAliases, name)
    if alias is not None and draft.row(Domains, name) is None:
        problem = f"it is an alias of the domain {alias.domain}"
        hint = f"run `mailstead {command.format(name=alias.name, domain=alias.domain)}`"
        raise NotFound(problem, where=f"{DOMAINS}[{alias.name}]", hint=hint)


def _refuse_target(app: App, section: str, domain: str) -> None:
    """Raise InvalidValue for a domain that external aliases lead to: it would be no longer."""
    try:
        name = str(DOMAIN_NAME.parse(domain))
    except ValueError:
        return  # the draft refuses it
    if not _is_in_effect(app):
        return
    with opened(app) as directory, directory.read() as connection:
        found = aliases_leading_to(connection, name, limit=NAMED + 1)
    if found:
        named = ", ".join(item.address for item in found[:NAMED])
        more = " and more" if len(found) > NAMED else ""
        problem = f"mail for {named}{more} is sent to {name}, as to another server"
        hint = f"run `mailstead alias remove {found[0].address}` first"
        raise InvalidValue(problem, where=f"{section}[{name}].name", hint=hint)


def _refuse_addresses(app: App, alias: str) -> None:
    """Raise InvalidValue for a name in which there are addresses: they would be others' then."""
    try:
        name = str(DOMAIN_NAME.parse(alias))
    except ValueError:
        return  # the draft refuses it
    if not _is_in_effect(app):
        return
    with opened(app) as directory, directory.read() as connection:
        counts = count_accounts(connection, name), count_aliases(connection, name)
    if any(counts) and app.engine.context_settings("draft").row(Domains, name) is None:
        problem = f"in {name} itself there are addresses: {_counted(counts)}"
        hint = f"run `mailstead domain add {name}`, save, then `mailstead domain remove {name}`"
        raise InvalidValue(problem, where=f"{ALIASES}[{name}].name", hint=hint)


def _tell_missing(app: App, domain: str, values: Collection[str]) -> None:
    """Warn of what was set and leads to nobody."""
    draft = app.engine.context_settings("draft")
    row = draft.row(Domains, domain)
    if row is None:
        return
    with _directory(app) as connection:
        missing = dict(_missing(connection, draft, row))
    for name in values:
        if name in missing:
            app.warn(missing[name])


def _tell_all_missing(app: App, draft: Any) -> None:
    if not _is_in_effect(app):
        return
    with _directory(app) as connection:
        found = ((row.name, *pair) for row in draft.rows(Domains)
                 for pair in _missing(connection, draft, row))  # fmt: skip
        for domain, name, words in islice(found, NAMED):
            app.warn(f"{WORDS[name]} of {domain}: {words}")
        more = sum(1 for _ in found)
    if more:
        app.warn(f"default mailboxes and catch-alls that lead to nobody besides: {more}")


def _missing(connection: Connection | None, draft: Any, row: Domains) -> Iterator[tuple[str, str]]:
    """Give the fields of a domain that lead to nobody, each with why."""
    if row.default_mailbox and (words := no_default_mailbox(connection, row.default_mailbox)):
        yield "default_mailbox", words
    if row.catch_all and (words := no_catch_all(connection, draft, row.catch_all)):
        yield "catch_all", words


@contextmanager
def _directory(app: App) -> Iterator[Connection | None]:
    if not _is_in_effect(app):
        yield None
        return
    with opened(app) as directory, directory.read() as connection:
        yield connection


def _tell_unmanaged(app: App) -> None:
    if not _is_in_effect(app):
        return
    with opened(app) as directory, directory.read() as connection:
        found = unmanaged_domains(connection)
    for domain, count in islice(found.items(), NAMED):
        app.warn(f"{domain} is not managed; accounts that get no mail, and can log in: {count}")
    if len(found) > NAMED:
        app.warn(f"domains with accounts that are not managed besides: {len(found) - NAMED}")


def _is_in_effect(app: App) -> bool:
    """Tell whether there is a directory: a domain can be added before the first save."""
    return "mail_smtp" in app.engine.context("running").enabled


def _free(app: App, domain: str, *, force: bool, with_mail: bool) -> None:
    with opened(app) as directory, directory.read() as connection:
        counts = count_accounts(connection, domain), count_aliases(connection, domain)
        first = list_accounts(connection, domain=domain, limit=NAMED)
        named = [item.address for item in list_aliases(connection, domain=domain, limit=NAMED)]
    if not any(counts):
        return
    users = (*_named(app, first, counts[0]), *_more(MAIL_ALIAS, named, counts[1]))
    if not force:
        raise InUse("it has addresses", users=users, where=f"domain {domain}")
    fate = "and all their mail, for ever" if with_mail else "(their mail stays on the disk)"
    app.confirm(f"Delete {', '.join(users)} now {fate}?")
    gone = _delete_addresses(app, domain)
    end_sessions(app, [account.address for account in gone])
    for account in gone if with_mail else ():
        app.engine.machine.remove_tree(app.engine.instance.path(f"{MAILDIRS}/{account.home}"))
    app.note("domain remove", f"{domain}: {_counted(counts)}")
    left = "their mail is gone" if with_mail else "their mail stays on the disk"
    app.say(f"{_counted(counts)} deleted; {left}")


def _delete_addresses(app: App, domain: str) -> list[MailAccount]:
    gone: list[MailAccount] = []
    with opened(app) as directory, directory.write() as connection:
        while aliases := list_aliases(connection, domain=domain, limit=PAGE):
            for alias in aliases:
                delete_alias(connection, alias.address)
        while page := list_accounts(connection, domain=domain, limit=PAGE):
            gone += [delete_account(connection, item.address) for item in page]
    return gone


def _named(app: App, first: Sequence[MailAccount], count: int) -> list[str]:
    folder = app.engine.instance.path(MAILDIRS)
    named = [f"{item.address} (mail in {folder}/{item.home})" for item in first]
    return _more(MAIL_ACCOUNT, named, count)


def _more(what: tuple[str, str], named: Sequence[str], count: int) -> list[str]:
    left = count - len(named)
    more = [counted(left, *(f"more {word}" for word in what))] if left > 0 else []
    return [*(f"{what[0]} {item}" for item in named), *more]


def _counted(counts: tuple[int, int]) -> str:
    return f"{counted(counts[0], *MAIL_ACCOUNT)} and {counted(counts[1], *MAIL_ALIAS)}"
