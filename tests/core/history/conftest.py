"""An empty store, as tests of the settings have it."""

from __future__ import annotations

from tests.core.settings.conftest import store

__all__ = ["store"]
