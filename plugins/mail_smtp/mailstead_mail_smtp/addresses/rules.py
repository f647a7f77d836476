"""What a changed domain must obey so that every address means one thing, and what one is called.

Each is asked about one record and looks others up by key: a domain among many costs no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mailstead.plugin import InvalidValue, Problem
from mailstead_mail_smtp.addresses.grammar import parse_target


def check_domain(record: Any, settings: Any) -> Iterator[Problem]:
    """Give problems with a domain's catch-all and default mailbox."""
    where = f"mail_smtp.domains[{record.name}]"
    yield from _copies(record.name, f"{where}.name")
    if record.catch_all and _real(settings, domain_of(record.catch_all)) == record.name:
        yield _copy_of_copy(f"{where}.catch_all")
    yield from _targets(record, where)
    if record.default_mailbox:
        yield from _mailbox(record.default_mailbox, settings, f"{where}.default_mailbox")
    if _alias(settings, record.name) is not None:
        yield _both(f"{where}.name", record.name)


def check_alias(record: Any, settings: Any) -> Iterator[Problem]:
    """Give problems with an alias of a domain."""
    where = f"mail_smtp.domain_aliases[{record.name}]"
    yield from _copies(record.name, f"{where}.name")
    if _domain(settings, record.name) is not None:
        yield _both(f"{where}.name", record.name)
    domain = _domain(settings, record.domain)
    if domain and domain.catch_all and domain_of(domain.catch_all) == record.name:
        yield _copy_of_copy(f"{where}.name")


def _mailbox(address: str, settings: Any, where: str) -> Iterator[Problem]:
    """Postfix looks it up as the account is called, not by another name of its domain."""
    local, _, name = address.rpartition("@")
    alias = _alias(settings, name)
    if alias is not None:
        yield Problem(where, f"{name} is an alias of a domain", f"give {local}@{alias.domain}")
    elif _domain(settings, name) is None:
        hint = "give the address of a mail account here"
        yield Problem(where, f"{name} is not a mail domain of this server", hint)


def _targets(record: Any, where: str) -> Iterator[Problem]:
    for name in ("catch_all", "default_mailbox"):
        try:
            parse_target(getattr(record, name) or "nobody@example.org", f"{where}.{name}")
        except InvalidValue as error:
            yield Problem(error.where, error.problem, error.hint)


def _copies(name: str, where: str) -> Iterator[Problem]:
    try:
        parse_target(f"nobody@{name}", where)
    except InvalidValue as error:
        yield Problem(where, error.problem, "nobody can own such a domain: RFC 2606")


def _both(where: str, name: str) -> Problem:
    hint = "remove the one or the other"
    return Problem(where, f"{name} cannot be a mail domain and an alias of one", hint)


def _copy_of_copy(where: str) -> Problem:
    problem = "the catch-all, which gets a copy of all the domain's mail, would be in that domain"
    return Problem(where, problem, "let the copies go to an address in another domain")


def _real(settings: Any, name: str) -> str:
    alias = _alias(settings, name)
    return alias.domain if alias is not None else name


def _alias(settings: Any, name: str) -> Any:
    from mailstead_mail_smtp.settings import DomainAliases

    return settings.row(DomainAliases, name)


def _domain(settings: Any, name: str) -> Any:
    from mailstead_mail_smtp.settings import Domains

    return settings.row(Domains, name)


def address_here(settings: Any, address: str) -> str:
    """Give an address as the directory would have it; empty when it is in no domain of ours."""
    local, _, domain = address.lower().rpartition("@")
    real = _real(settings, domain) if local else ""
    is_ours = bool(real) and _domain(settings, real) is not None
    return f"{local.partition('+')[0]}@{real}" if is_ours else ""


def domain_of(address: str) -> str:
    """Give the domain of an address."""
    return address.rpartition("@")[2]
