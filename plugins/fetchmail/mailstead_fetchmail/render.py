"""Settings to what the templates see. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from mailstead.plugin import Context
from mailstead_mail_retrieval.settings import Services
from mailstead_mail_smtp.places import MANAGED


def is_on(context: Context) -> bool:
    """Tell whether mail is fetched at all."""
    return context.settings.form(Services).external_retrieval


def unit(context: Context) -> str | None:
    """Give the template of the unit; a sandbox has no systemd."""
    return None if context.instance.is_sandbox else "fetchmail.service.j2"


def unit_variables(_context: Context) -> Mapping[str, Any]:
    """Give what the unit's template sees."""
    return {"managed": MANAGED, "python": sys.executable}
