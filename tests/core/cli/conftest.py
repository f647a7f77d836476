"""The greeter's site, for commands that are run over a fake machine."""

from __future__ import annotations

from tests.core.transaction.conftest import saved, site

__all__ = ["saved", "site"]
