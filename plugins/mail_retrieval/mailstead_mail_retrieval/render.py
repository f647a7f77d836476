"""Settings and facts to what the templates see. Pure, but for the fact's finder."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from mailstead.plugin import Context, Machine, RenderError, Template
from mailstead_mail_retrieval.ports import find_ports, open_ports
from mailstead_mail_retrieval.room import query
from mailstead_mail_retrieval.settings import Expiration, Mailboxes
from mailstead_mail_smtp import places, tls
from mailstead_mail_smtp.postfix.identity import postmaster
from mailstead_network.addresses import has_ipv6
from mailstead_network.names import fqdn
from mailstead_users.lookups import passdb_query, userdb_query
from mailstead_users.places import DATABASE

PACKAGE = "dovecot-core"
DIALECTS = ("2.3",)


def find_version(machine: Machine) -> str | None:
    """Find Dovecot's version, such as "2.3": the installed one or the one to be installed."""
    installed = machine.package_versions((PACKAGE,)).get(PACKAGE)
    version = installed or machine.available_version(PACKAGE) or ""
    found = re.match(r"(?:[0-9]+:)?([0-9]+\.[0-9]+)", version)
    return found[1] if found else None


def templates() -> tuple[Template, ...]:
    """Give this module's files."""
    contributed = "/etc/dovecot/mailstead.d/mail_retrieval.conf"
    lookup = "/etc/dovecot/mailstead-sql.conf.ext"
    return (
        # The snippet comes after the include of mailstead.d: the last of two settings holds.
        Template(
            "/etc/dovecot/dovecot.conf", dialect("dovecot.conf.j2"), variables=_base,
            snippet="dovecot.conf",
        ),
        Template(contributed, dialect("mail_retrieval.conf.j2"), variables=_retrieval),
        Template("/etc/cron.d/mailstead-expiry", _cron_template, variables=_cron, drop_in=True),
        Template(
            "/etc/cron.d/mailstead-room", "cron-room.j2", variables=_room_cron, drop_in=True
        ),
        Template("/etc/postfix/sqlite/room.cf", "room.cf.j2", variables=_room),
        Template(lookup, dialect("sql.conf.j2"), variables=_sql, mode=0o640, group="dovecot"),
    )  # fmt: skip


def dialect(name: str) -> Callable[[Context], str]:
    """Give the function that chooses a template by Dovecot's version."""
    return lambda context: choose_dialect(context, "mail_retrieval", name)


def choose_dialect(context: Context, module: str, name: str) -> str:
    """Choose a module's template by Dovecot's version. Raises RenderError."""
    version = context.facts.get("dovecot_version")
    if version in DIALECTS:
        return f"{version}/{name}"
    problem = f"Dovecot {version} is not supported yet" if version else "no Dovecot is known"
    hint = f"its templates belong in mailstead_{module}/templates/{version or '2.3'}"
    raise RenderError(problem, where=f"{module}: {name}", hint=hint)


def _base(context: Context) -> Mapping[str, Any]:
    protocols = {item.service.removesuffix("s") for item in open_ports(context)}
    return {
        "managed": places.MANAGED,
        "base_dir": context.path("/run/dovecot"),
        "state_dir": context.path("/var/lib/dovecot"),
        "log_path": context.path("/var/log/dovecot.log"),
        "protocols": " ".join([*sorted(protocols), "lmtp"]),
        "listen": "*, ::" if has_ipv6(context) else "*",
        "fqdn": fqdn(context),
        "postmaster": postmaster(context),
    }


def _retrieval(context: Context) -> Mapping[str, Any]:
    certificate, key = tls.files(context)
    uid, gid = context.facts.get("vmail_ids") or (places.VMAIL, places.VMAIL)
    return {
        "managed": places.MANAGED,
        "mail_uid": uid,
        "mail_gid": gid,
        "ports": find_ports(context),
        "certificate": certificate,
        "key": key,
        "vmail": places.VMAIL,
        "sql": context.path("/etc/dovecot/mailstead-sql.conf.ext"),
        "private": context.path(f"{places.QUEUE}/private"),
        "size": context.settings.form(Mailboxes).size,
        "python": sys.executable,
    }


def _cron_template(context: Context) -> str | None:
    """Give the template where something expires; nothing reads a sandbox's /etc/cron.d."""
    has_rules = next(iter(context.settings.rows(Expiration)), None) is not None
    return "cron.j2" if has_rules else None


def _cron(context: Context) -> Mapping[str, Any]:
    minute = zlib.crc32(fqdn(context).encode()) % 60
    return {"managed": places.MANAGED, "minute": minute, "python": sys.executable}


def _room(context: Context) -> Mapping[str, Any]:
    database = places.database_uri(context, places.ROOM_DATABASE)
    return {"managed": places.MANAGED, "dbpath": database, "query": query(context)}


def _room_cron(_context: Context) -> Mapping[str, Any]:
    return {"managed": places.MANAGED, "python": sys.executable}


def _sql(context: Context) -> Mapping[str, Any]:
    homes = str(context.path(places.MAILDIRS))
    return {
        "managed": places.MANAGED,
        "database": context.path(DATABASE),
        "password_query": passdb_query(homes),
        "user_query": userdb_query(homes),
    }
