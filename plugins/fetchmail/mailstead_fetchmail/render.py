"""Settings to what the templates see. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from mailstead.plugin import Check, Context
from mailstead_fetchmail.program import as_user
from mailstead_fetchmail.settings import Options
from mailstead_mail_retrieval.settings import Services
from mailstead_mail_smtp.places import MANAGED

IDS = "fetchmail_ids"  # uid and gid of Fetchmail's user, a fact


def is_on(context: Context) -> bool:
    """Tell whether mail is fetched at all."""
    return context.settings.form(Services).external_retrieval


def unit(context: Context) -> str | None:
    """Give the template of the unit; a sandbox has no systemd."""
    return None if context.instance.is_sandbox else "fetchmail.service.j2"


def unit_variables(_context: Context) -> Mapping[str, Any]:
    """Give what the unit's template sees."""
    return {"managed": MANAGED, "python": sys.executable}


def checks(context: Context) -> tuple[Check, ...]:
    """Give the check of further authorities: Fetchmail's user can read a certificate there."""
    ca, ids = context.settings.form(Options).ca, context.facts.get(IDS)
    if not ca:
        return ()
    # Before the package is there its user is not, and root is asked.
    argv = (*(as_user(*ids) if ids else ()), "openssl", "x509", "-noout", "-in", ca)
    return (Check("fetchmail.options.ca is a PEM file that Fetchmail's user can read", argv),)
