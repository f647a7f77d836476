"""The files of the filter."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mailstead.plugin import Context, Template
from mailstead_filter import limits, places, rspamd
from mailstead_filter.settings import Attachments, Options
from mailstead_filter.use import (
    is_in_use,
    learns_from_users,
    looks_into_archives,
    uses_clamd,
    uses_redis,
)
from mailstead_mail_retrieval.render import choose_dialect
from mailstead_mail_smtp.places import MANAGED, VMAIL
from mailstead_network.names import fqdn

Choose = Callable[[Context], str | None]
# Nobody but the filter's own daemons reads its files, or whoever reads a folder whole.
_template = partial(Template, drop_in=True)


def templates() -> tuple[Template, ...]:
    """Give this module's files."""
    return (
        _template(places.RSPAMD_CONF, "rspamd.conf.j2", variables=rspamd.rspamd_conf),
        _template(places.POLICY, "policy.lua.j2", variables=rspamd.policy),
        _template(places.TOP_DOMAINS, _in_sandbox("top-domains.j2")),
        _template(places.CLAMD_CONF, "clamd.conf.j2", variables=_clamd),
        _template(f"{places.TEST_SIGNATURES}/test.ndb", _in_sandbox("test.ndb.j2")),
        _template(f"{places.TEST_SIGNATURES}/{places.NAMES}", _names_template(in_sandbox=True),
                  variables=_names),
        _template(f"{places.SIGNATURES}/{places.NAMES}", _names_template(in_sandbox=False),
                  variables=_names),
        _template(places.REDIS_CONF, _when(uses_redis, "redis.conf.j2"), variables=_redis),
        _template(places.LEARN_SPAM, _when(learns_from_users, "learn-spam.sieve.j2"),
                  variables=_managed),
        _template(places.LEARN_HAM, _when(learns_from_users, "learn-ham.sieve.j2"),
                  variables=_managed),
        _template(places.DOVECOT, _dovecot_template, variables=_dovecot),
        _template(places.CRON, _when(is_in_use, "cron.j2"), variables=_cron),
        _template(f"{places.UNITS}/rspamd.service.d/mailstead.conf",
                  _unit(is_in_use, "rspamd.service.j2"), variables=_managed),
        _template(f"{places.UNITS}/clamav-daemon.service.d/mailstead.conf",
                  _unit(uses_clamd, "clamav-daemon.service.j2"), variables=_managed),
        _template(f"{places.UNITS}/mailstead-redis.service",
                  _unit(uses_redis, "mailstead-redis.service.j2"), variables=_managed),
    )  # fmt: skip


def database(context: Context) -> str:
    """Give the folder of ClamAV's signatures; a sandbox has its own, for tests."""
    own = context.settings.form(Options).signatures
    is_sandbox = context.instance.is_sandbox
    return own or str(context.path(places.TEST_SIGNATURES if is_sandbox else places.SIGNATURES))


def _when(holds: Callable[[Context], bool], name: str) -> Choose:
    return lambda context: name if holds(context) else None


def _unit(holds: Callable[[Context], bool], name: str) -> Choose:
    """Give a unit's template; a sandbox has no systemd."""
    return lambda context: name if holds(context) and not context.instance.is_sandbox else None


def _in_sandbox(name: str) -> Choose:
    return lambda context: name if context.instance.is_sandbox else None


def _dovecot_template(context: Context) -> str | None:
    if not learns_from_users(context):
        return None
    return choose_dialect(context, "filter", "dovecot.conf.j2")


def _names_template(*, in_sandbox: bool) -> Choose:
    def choose(context: Context) -> str | None:
        is_there = context.instance.is_sandbox == in_sandbox and looks_into_archives(context)
        return "mailstead.cdb.j2" if is_there else None

    return choose


def _names(context: Context) -> Mapping[str, Any]:
    """Give regular expressions of regex(7), which know no case that does not matter."""
    extensions = context.settings.form(Attachments).extensions
    return {"managed": MANAGED, "endings": {name: _ending(name) for name in extensions}}


def _ending(extension: str) -> str:
    letters = "".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in extension)
    return rf"\.{letters}[. ]*$"


def _managed(_context: Context) -> Mapping[str, Any]:
    return {"managed": MANAGED}


def _clamd(context: Context) -> Mapping[str, Any]:
    return {
        "managed": MANAGED,
        "socket": context.path(places.CLAMD),
        "pid_file": context.path("/run/clamav/clamd.pid"),
        "log": context.path(f"{places.CLAMD_LOG}/clamav.log"),
        "database": database(context),
        "encrypted": "yes" if context.settings.form(Attachments).encrypted_archives else "no",
        "largest": limits.LARGEST,
        "scan_size": limits.SCAN_SIZE,
        "scan_milliseconds": (limits.CLAMD_SECONDS - 10) * 1000,
    }


def _redis(context: Context) -> Mapping[str, Any]:
    return {
        "managed": MANAGED,
        "socket": context.path(places.REDIS),
        "pid_file": context.path(f"{places.REDIS_RUN}/redis.pid"),
        "log": context.path(f"{places.LOG}/redis.log"),
        "folder": context.path(places.REDIS_STATE),
    }


def _dovecot(context: Context) -> Mapping[str, Any]:
    return {
        "managed": MANAGED,
        "vmail": VMAIL,
        "learn_spam": context.path(places.LEARN_SPAM),
        "learn_ham": context.path(places.LEARN_HAM),
        "compiled": context.path(places.COMPILED),
        "controller": context.path(places.CONTROLLER),
    }


def _cron(context: Context) -> Mapping[str, Any]:
    minute = zlib.crc32(fqdn(context).encode()) % 60
    return {"managed": MANAGED, "minute": minute, "python": sys.executable}
