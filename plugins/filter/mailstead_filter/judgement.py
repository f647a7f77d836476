"""How mail is judged, as data for the policy within Rspamd: pure."""

from __future__ import annotations

from typing import Any

import attrs

from mailstead.plugin import Context
from mailstead_filter.grammar import score
from mailstead_filter.settings import (
    Attachments,
    DomainOverrides,
    Options,
    Policies,
    Recipients,
    Senders,
    Spam,
)
from mailstead_mail_smtp.settings import DomainAliases

NAME = "mailstead"  # what the option mail_smtp.filter.use says
RULES = "mailstead-sieve"  # what the ports by which users' rules send are called
UNWANTED = "this sender is not wanted here"
THRESHOLDS = ("tag", "greylist", "reject")


@attrs.frozen
class Judgement:
    """What is looked for, and from which scores on what is done; ``None``: never."""

    spam: bool
    virus: bool
    tag: float | None
    greylist: float | None
    reject: float | None

    def data(self) -> dict[str, Any]:
        """Give it as data without what is never."""
        return attrs.asdict(self, filter=lambda _, value: value is not None)


def default_judgement(context: Context) -> Judgement:
    """Give that of mail for which no domain says otherwise."""
    options, spam = context.settings.form(Options), context.settings.form(Spam)
    scores = {name: _number(getattr(spam, name)) for name in THRESHOLDS}
    return Judgement(options.spam, options.virus, **scores)


def domain_judgement(default: Judgement, row: DomainOverrides) -> Judgement:
    """Give that of a domain."""
    own = {name: getattr(row, name) for name in ("spam", "virus")}
    own |= {name: _number(getattr(row, name)) for name in THRESHOLDS}
    return attrs.evolve(default, **{name: item for name, item in own.items() if item is not None})


def looks_for_viruses(context: Context) -> bool:
    """Tell whether clamd is needed: for all or for some domain."""
    rows = context.settings.rows(DomainOverrides)
    return context.settings.form(Options).virus or any(row.virus for row in rows)


def recipients(context: Context, action: str) -> tuple[str, ...]:
    """Give the addresses and @domains of an action, those behind an alias of a domain too.

    An alias of an account is an address of its own.
    """
    aliases = tuple(context.settings.rows(DomainAliases))
    found: dict[str, None] = {}
    for row in context.settings.rows(Recipients):
        local, _, domain = row.recipient.rpartition("@")
        names = (domain, *(alias.name for alias in aliases if alias.domain == domain))
        if row.action == action:
            found |= {f"{local}@{name}": None for name in names}
    return tuple(found)


def without_extension(address: str) -> str:
    """Give an address as Postfix knows it: `recipient_delimiter` and what follows do not count."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def judgement_data(context: Context) -> dict[str, Any]:
    """Give all of it, by the names that policy.lua knows."""
    attachments, policies = context.settings.form(Attachments), context.settings.form(Policies)
    default = default_judgement(context)
    senders = tuple(context.settings.rows(Senders))
    return {
        "default": default.data(),
        "domains": _domains(context, default),
        "policies": {
            "spam": policies.spam, "virus": policies.virus, "attachment": policies.attachment,
            "denied": "reject", "large": "reject", "unscanned": "defer", "suspect": "tag",
            "unjudged": "pass",
        },
        "senders_allowed": [row.sender for row in senders if row.action == "allow"],
        "senders_denied": [row.sender for row in senders if row.action == "deny"],
        "recipients_allowed": list(recipients(context, "allow")),
        "extensions": list(attachments.extensions),
        "mime_types": list(attachments.mime_types),
        "rules": RULES,
        "unwanted": UNWANTED,
        "subject_tag": context.settings.form(Spam).subject_tag,
    }  # fmt: skip


def _domains(context: Context, default: Judgement) -> dict[str, Any]:
    own = {
        row.domain: domain_judgement(default, row).data()
        for row in context.settings.rows(DomainOverrides)
    }
    aliases = context.settings.rows(DomainAliases)
    return own | {row.name: own[row.domain] for row in aliases if row.domain in own}


def _number(text: str | None) -> float | None:
    return None if text is None else score(text)
