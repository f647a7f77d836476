"""Rspamd's files. Pure.

https://rspamd.com/doc/configuration/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mailstead.plugin import Context
from mailstead_filter import limits, places
from mailstead_filter.judgement import judgement_data
from mailstead_filter.settings import DomainOverrides, Learning, Options, Spam
from mailstead_filter.use import has_redis
from mailstead_mail_smtp.places import MANAGED

# Those of Debian's modules.d that look nothing up, and those that do.
LOCAL = ("chartable", "forged_recipients", "maillist", "once_received", "regexp")
NETWORK = (
    "arc", "asn", "dkim", "dmarc", "fuzzy_check", "hfilter", "mid", "mime_types", "phishing",
    "rbl", "spf", "surbl", "whitelist",
)  # fmt: skip
WHOLE = "${SHAREDIR}/effective_tld_names.dat"
CHARTABLE, REGEXP, DKIM, FUZZY = "chartable", "regexp", "dkim", "fuzzy_check"


def rspamd_conf(context: Context) -> Mapping[str, Any]:
    """Give what the template of rspamd.conf sees."""
    options, learning = context.settings.form(Options), context.settings.form(Learning)
    filters = (CHARTABLE, REGEXP) if options.offline else (CHARTABLE, REGEXP, DKIM, FUZZY)
    return {
        "managed": MANAGED,
        "run": context.path(places.RUN),
        "state": context.path(places.STATE),
        "log": context.path(places.LOG),
        "domains": _domains(context),
        "filters": ",".join(filters),
        "includes": LOCAL if options.offline else sorted((*LOCAL, *NETWORK)),
        "offline": options.offline,
        "check_local": "true" if context.instance.is_sandbox else "false",  # its outside
        "workers": options.workers,
        "largest": limits.LARGEST + limits.MIB,
        "task_timeout": limits.TASK_SECONDS,
        "milter_timeout": limits.MILTER_SECONDS,
        **_scores(context),
        "redis": context.path(places.REDIS) if has_redis(context) else "",
        "bayes": learning.bayes,
        "automatic": learning.automatic,
        "learn_spam": learning.spam_score,
        "learn_ham": learning.ham_score,
        "least": learning.least,
        "data": {name: quoted(value) for name, value in _data(context).items()},
    }


def policy(_context: Context) -> Mapping[str, Any]:
    """Give what the template of policy.lua sees."""
    return {"managed": MANAGED}


def quoted(value: Any) -> str:
    """Give a value as JSON, which is UCL too, where nothing is taken for a variable."""
    return json.dumps(value, sort_keys=True).replace("$", "\\u0024")


def _data(context: Context) -> dict[str, Any]:
    found = judgement_data(context)
    found["clamd"] = str(context.path(places.CLAMD))
    found["released"] = str(context.path(places.RELEASED))
    found["released_for"] = limits.RELEASED_SECONDS
    found["largest"] = limits.LARGEST
    found["clamd_timeout"] = limits.CLAMD_SECONDS
    return found


def _domains(context: Context) -> str:
    """Give the list of top domains; to compile the whole one, a sandbox would wait ten seconds."""
    is_sandbox = context.instance.is_sandbox
    return str(context.path(places.TOP_DOMAINS)) if is_sandbox else WHOLE


def _scores(context: Context) -> Mapping[str, Any]:
    form = context.settings.form(Spam)
    rows = context.settings.rows(DomainOverrides)
    is_greylisting = form.greylist is not None or any(row.greylist is not None for row in rows)
    return {
        "tag": form.tag,
        "reject": form.reject,
        "greylist": form.greylist or "null",
        "is_greylisting": is_greylisting and has_redis(context),
    }
