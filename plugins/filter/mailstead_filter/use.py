"""Whether the filter is in use: enabled, and chosen by the option of mail_smtp."""

from __future__ import annotations

from mailstead.plugin import Context
from mailstead_filter.judgement import NAME, looks_for_viruses
from mailstead_filter.settings import Attachments, Learning, Options, Policies
from mailstead_mail_smtp.settings import Filter


def is_in_use(context: Context) -> bool:
    """Tell whether mail passes through this filter."""
    return context.settings.form(Filter).use == NAME


def uses_clamd(context: Context) -> bool:
    """Tell whether clamd has something to do."""
    return is_in_use(context) and looks_for_viruses(context)


def looks_into_archives(context: Context) -> bool:
    """Tell whether clamd looks at names within archives: only for a policy that keeps mail away.

    It gives one finding, of which a name is the least but for suspicions such as phishing.
    An admin's own folder of signatures is left alone.
    """
    options, attachments = context.settings.form(Options), context.settings.form(Attachments)
    is_kept_away = context.settings.form(Policies).attachment not in ("pass", "tag")
    is_wanted = is_kept_away and bool(attachments.extensions) and options.signatures is None
    return is_wanted and uses_clamd(context)


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
