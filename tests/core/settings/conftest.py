"""A fresh store and house for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstead.settings.store import Store

from .samples import House


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give an empty store."""
    with Store.open(tmp_path / "settings.db", create=True) as opened:
        yield opened


@pytest.fixture
def house(store: Store) -> House:
    """Give an empty house."""
    return House(store)
