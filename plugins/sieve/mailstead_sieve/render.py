"""Settings to what the templates see, and the check of the result. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mailstead.plugin import Check, Context, Snippet, Template
from mailstead_mail_retrieval.render import choose_dialect
from mailstead_mail_smtp.places import MANAGED
from mailstead_mail_smtp.settings import Domains
from mailstead_sieve.forwarding import SENDING, is_restricted, place
from mailstead_sieve.managesieve import dovecot_listeners
from mailstead_sieve.places import BEFORE, COMPILED, CONTRIBUTED, FORWARDED
from mailstead_sieve.settings import Limits, Options

REQUIRE = 'require ["fileinto", "mailbox"];'
# "require" must come first (RFC 5228 section 3.2), so an admin's own lines cannot have one. What
# they may need is there with them only: extensions are loaded anew for each message.
REQUIRE_FOR_OWN_LINES = """\
require ["body", "copy", "date", "envelope", "fileinto", "imap4flags", "mailbox", "relational",
    "variables"];"""


def templates() -> tuple[Template, ...]:
    """Give this module's files."""
    return (
        Template(CONTRIBUTED, _dialect, variables=_sieve, drop_in=True),
        Template(
            BEFORE, "before.sieve.j2", variables=_before, drop_in=True,
            snippet="before.sieve", merge=_with_own_lines,
        ),
        Template(FORWARDED, _forwarded, variables=_domains, drop_in=True),
    )  # fmt: skip


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
    options = context.settings.form(Options)
    return {"managed": MANAGED, "options": options, "require": REQUIRE}


def _with_own_lines(text: str, snippet: Snippet) -> str:
    """Give the rules that come first with an admin's own at their end."""
    return snippet.append_to(text.replace(REQUIRE, REQUIRE_FOR_OWN_LINES))


def _forwarded(context: Context) -> str | None:
    return "sieve_forwarded.j2" if is_restricted(context) else None


def _domains(context: Context) -> Mapping[str, Any]:
    names = sorted(row.name for row in context.settings.rows(Domains))
    return {"managed": MANAGED, "domains": [re.escape(name) for name in names]}
