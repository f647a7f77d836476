"""One typed function for each hook of mail_smtp."""

from __future__ import annotations

from mailstead.plugin import Context
from mailstead_mail_smtp.hookspecs import Parameter, Service

Contributed = tuple[str, tuple[Parameter, ...]]


def collect_parameters(context: Context) -> tuple[Contributed, ...]:
    """Ask the other modules for main.cf parameters; pairs of module and what it gives."""
    found = context.collect("postfix_parameters", context=context)
    return tuple((module, tuple(given)) for module, given in found)


def collect_services(context: Context) -> tuple[tuple[str, tuple[Service, ...]], ...]:
    """Ask the other modules for master.cf entries; pairs of module and what it gives."""
    found = context.collect("postfix_services", context=context)
    return tuple((module, tuple(given)) for module, given in found)
