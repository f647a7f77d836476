"""Settings to what the templates see, and the check of the result. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mailstead.plugin import Check, Context, Template
from mailstead_mail_retrieval.render import choose_dialect
from mailstead_mail_smtp.places import MANAGED
from mailstead_mail_smtp.settings import Domains
from mailstead_sieve.forwarding import SENDING, is_restricted, place
from mailstead_sieve.managesieve import dovecot_listeners
from mailstead_sieve.places import BEFORE, COMPILED, CONTRIBUTED, FORWARDED
from mailstead_sieve.settings import Limits, Options


def templates() -> tuple[Template, ...]:
    """Give this module's files."""
    return (
        Template(CONTRIBUTED, _dialect, variables=_sieve, drop_in=True),
        Template(
            BEFORE, "before.sieve.j2", variables=_before, snippet="before.sieve", drop_in=True
        ),
        Template(FORWARDED, _forwarded, variables=_domains, drop_in=True),
    )


def checks() -> tuple[Check, ...]:
    """Give the check of the rules that come first: sievec(1)."""
    argv = ("sievec", "-c", "{staged:/etc/dovecot/dovecot.conf}", "-d", f"{{staged:{BEFORE}}}")
    return (Check("sievec compiles the rules that come first", argv),)


def _dialect(context: Context) -> str:
    return choose_dialect(context, "sieve", "sieve.conf.j2")


def _sieve(context: Context) -> Mapping[str, Any]:
    return {
        "managed": MANAGED,
        "before": context.path(BEFORE),
        "compiled": context.path(COMPILED),
        "sending": "{}:{}".format(*place(context, SENDING)),
        "listeners": dovecot_listeners(context),
        "options": context.settings.form(Options),
        "limits": context.settings.form(Limits),
    }


def _before(context: Context) -> Mapping[str, Any]:
    return {"managed": MANAGED, "options": context.settings.form(Options)}


def _forwarded(context: Context) -> str | None:
    return "sieve_forwarded.j2" if is_restricted(context) else None


def _domains(context: Context) -> Mapping[str, Any]:
    names = sorted(row.name for row in context.settings.rows(Domains))
    return {"managed": MANAGED, "domains": [re.escape(name) for name in names]}
