"""The greeter's site, as tests of saving have it."""

from __future__ import annotations

from tests.core.transaction.conftest import saved, site

__all__ = ["saved", "site"]
