"""Whether the filter is in use: enabled, and chosen by the option of mail_smtp."""

from __future__ import annotations

from mailstead.plugin import Context
from mailstead_filter.judgement import NAME, looks_for_viruses
from mailstead_filter.settings import Learning, Options
from mailstead_mail_smtp.settings import Filter


def is_in_use(context: Context) -> bool:
    """Tell whether mail passes through this filter."""
    return context.settings.form(Filter).use == NAME


def uses_clamd(context: Context) -> bool:
    """Tell whether clamd has something to do."""
    return is_in_use(context) and looks_for_viruses(context)


def has_redis(context: Context) -> bool:
    """Tell whether Redis is there for Rspamd to remember in."""
    return context.settings.form(Options).redis and bool(context.facts.get("redis_version"))


def uses_redis(context: Context) -> bool:
    """Tell whether Rspamd's own Redis has something to do."""
    return is_in_use(context) and has_redis(context)


def learns_from_users(context: Context) -> bool:
    """Tell whether moving mail to Junk and out of it teaches Rspamd."""
    form = context.settings.form(Learning)
    return is_in_use(context) and form.bayes and form.from_users
