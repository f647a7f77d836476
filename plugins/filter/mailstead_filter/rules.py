"""What the settings must obey when they are seen together."""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Context, Problem
from mailstead_filter.facts import SIGNATURES
from mailstead_filter.judgement import Judgement, default_judgement, domain_judgement
from mailstead_filter.settings import DomainOverrides, Learning, Options
from mailstead_filter.use import has_redis, uses_clamd

REDIS_PACKAGE = "redis-server"
FRESHCLAM = "run `freshclam`, or wait until clamav-freshclam has, and save again"
OWN_SIGNATURES = "put some there, or name a folder in filter.options.signatures, or unset it"


def problems(context: Context) -> Iterator[Problem]:
    """Give all problems."""
    default = default_judgement(context)
    yield from _scores(context, default, "filter.spam")
    for row in context.settings.rows(DomainOverrides):
        yield from _scores(context, domain_judgement(default, row), f"filter.domains[{row.domain}]")
    yield from _learning(context)
    yield from _signatures(context)


def _scores(context: Context, found: Judgement, where: str) -> Iterator[Problem]:
    if found.tag is not None and found.reject is not None and found.tag > found.reject:
        problem = f"mail would be marked from {found.tag:g} on, but is spam from {found.reject:g}"
        yield Problem(f"{where}.tag", problem, f"set it to at most {found.reject:g}")
    if found.greylist is None:
        return
    if found.reject is not None and found.greylist > found.reject:
        problem = f"{found.greylist:g} is above {found.reject:g}, from where on mail is spam"
        yield Problem(f"{where}.greylist", problem, f"set it to at most {found.reject:g}")
    if not has_redis(context):
        hint = f"run `apt install {REDIS_PACKAGE}`, with filter.options.redis, or unset it"
        yield Problem(f"{where}.greylist", "Rspamd remembers senders in Redis only", hint)


def _learning(context: Context) -> Iterator[Problem]:
    form = context.settings.form(Learning)
    if form.automatic and not form.bayes:
        yield Problem("filter.learning.automatic", "nothing would use it", "set bayes as well")


def _signatures(context: Context) -> Iterator[Problem]:
    """A scanner that knows no virus would call all mail clean."""
    options = context.settings.form(Options)
    is_known = context.facts.get("has_signatures") in (True, None)
    if not uses_clamd(context) or options.signatures or is_known or context.instance.is_sandbox:
        return
    where, problem = _wanted_by(context), f"ClamAV has no signatures in {SIGNATURES}"
    yield Problem(where, problem, OWN_SIGNATURES if options.offline else FRESHCLAM)


def _wanted_by(context: Context) -> str:
    if context.settings.form(Options).virus:
        return "filter.options.virus"
    rows = context.settings.rows(DomainOverrides)
    return next(f"filter.domains[{row.domain}].virus" for row in rows if row.virus)
