"""The machine's full name, from settings or as the system has it: hostname(1)."""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Context, PlanError, Problem
from mailstead_network.settings import Host

SANDBOX_DOMAIN = "sandbox.test"  # RFC 2606: never a real one
HINT = "set network.host hostname and domain"


def fqdn(context: Context) -> str:
    """Give the full name. Raises PlanError when neither settings nor system give one."""
    name = find_fqdn(context)
    if "." not in name:
        raise PlanError(f"the host name {name!r} has no domain", where="network.host", hint=HINT)
    return name


def find_fqdn(context: Context) -> str:
    """Give the full name, or what is known of it."""
    host = context.settings.form(Host)
    system_name, _, system_domain = str(context.facts.get("hostname", "")).lower().partition(".")
    name, sandbox_domain = host.hostname or system_name, ""
    if context.instance.is_sandbox:
        name, sandbox_domain = host.hostname or "mail", SANDBOX_DOMAIN
    if "." in name:
        return name
    domain = host.domain or sandbox_domain or system_domain
    return f"{name}.{domain}" if name and domain else name


def problems(context: Context) -> Iterator[Problem]:
    """Give a problem when the machine has no full name."""
    host = context.settings.form(Host)
    name = find_fqdn(context)
    if "." not in name:
        yield Problem("network.host.domain", f"the host name {name!r} has no domain", HINT)
    elif host.hostname and "." in host.hostname and host.domain:
        problem = f"{host.hostname} is a full name already"
        yield Problem("network.host.hostname", problem, "give the short name, or unset domain")
