"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.packages import Packages


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    """Give a maker of plugin packages."""
    return Packages(tmp_path, monkeypatch)
