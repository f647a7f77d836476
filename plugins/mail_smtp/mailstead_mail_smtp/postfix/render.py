"""Settings and facts to what the templates see. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mailstead.plugin import Context, Template
from mailstead_mail_smtp import places
from mailstead_mail_smtp.addresses.lookups import LOOKUPS, ROUTES, Used, queries
from mailstead_mail_smtp.hooks import collect_parameters, collect_services
from mailstead_mail_smtp.postfix.compose import compose_parameters, compose_services
from mailstead_mail_smtp.postfix.copies import has_catch_all
from mailstead_mail_smtp.postfix.identity import (
    LIKE_POSTMASTER,
    mailname,
    our_postmaster,
    postmaster,
)
from mailstead_mail_smtp.postfix.parameters import own_parameters
from mailstead_mail_smtp.postfix.services import own_services
from mailstead_mail_smtp.postfix.smarthost import PASSWORDS, password_line, password_template
from mailstead_mail_smtp.postfix.snippets import merge_main_cf, merge_master_cf
from mailstead_mail_smtp.settings import DomainAliases, Options
from mailstead_network.names import fqdn

ME = "mail_smtp"
# sqlite_table(5): with "domain" there is no query for other domains, nor for a key like
# @example.org, which default_mailbox lives on. An access table such as closed is also
# asked for "ada@", for which Postfix would warn of an empty query each time. It is a query more:
# too many for accounts, which are nearly always of our domains.
BY_DOMAIN = ("aliases", "roles", "senders")


def templates() -> tuple[Template, ...]:
    """Give this module's files."""
    return (
        Template(
            "/etc/postfix/main.cf", "main.cf.j2", variables=main_cf,
            snippet="main.cf", merge=merge_main_cf,
        ),
        Template(
            "/etc/postfix/master.cf", "master.cf.j2", variables=master_cf,
            snippet="master.cf", merge=merge_master_cf,
        ),
        Template("/etc/postfix/aliases", "aliases.j2", variables=_aliases),
        Template("/etc/mailname", "mailname.j2", variables=_mailname),
        Template(
            PASSWORDS, password_template, variables=_passwords, mode=0o600, secret=True
        ),
        *(
            Template(f"/etc/postfix/sqlite/{name}.cf", "sqlite.cf.j2", variables=_lookup(name))
            for name in LOOKUPS
        ),
    )  # fmt: skip


def main_cf(context: Context) -> Mapping[str, Any]:
    """Give the parameters of all modules, grouped by contributor."""
    given = ((ME, own_parameters(context)), *collect_parameters(context))
    return {"managed": places.MANAGED, "groups": compose_parameters(given)}


def master_cf(context: Context) -> Mapping[str, Any]:
    """Give the services of all modules, grouped by contributor."""
    given = ((ME, own_services(context)), *collect_services(context))
    return {"managed": places.MANAGED, "groups": compose_services(given)}


def _aliases(context: Context) -> Mapping[str, Any]:
    target = context.settings.form(Options).postmaster or "root"
    return {"managed": places.MANAGED, "postmaster": target, "names": LIKE_POSTMASTER}


def _mailname(context: Context) -> Mapping[str, Any]:
    return {"mailname": mailname(context)}


def _passwords(context: Context) -> Mapping[str, Any]:
    return {"managed": places.MANAGED, **password_line(context)}


def _lookup(name: str) -> Callable[[Context], Mapping[str, Any]]:
    def variables(context: Context) -> Mapping[str, Any]:
        host = fqdn(context)
        ours, used = our_postmaster(context), _used(context, name)
        query = queries(postmaster(context), ours, f"root@{host}", used)[name]
        by_domain = name.removeprefix("uncopied_") in BY_DOMAIN
        domains = str(context.path("/etc/postfix/sqlite/domains.cf")) if by_domain else ""
        return {
            "managed": places.MANAGED, "query": query, "domains": domains,
            "dbpath": places.database_uri(context, places.LOOKUP_DATABASE),
        }  # fmt: skip

    return variables


def _used(context: Context, name: str) -> Used:
    return Used(
        aliases=context.settings.is_used(DomainAliases, "domain"),
        catch_alls=name in ROUTES and has_catch_all(context),
    )
