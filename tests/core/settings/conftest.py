"""A fresh store and house for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstead.settings.store import Store
from tests.core.packages import Packages

from .appliance import TEXT, Appliance, open_appliance, sample_plugins
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


@pytest.fixture
def plugins(packages: Packages) -> dict[str, str]:
    """Give the sample plugins."""
    return sample_plugins(packages)


@pytest.fixture
def empty(plugins: dict[str, str]) -> Iterator[Appliance]:
    """Give an appliance without any settings."""
    with open_appliance(plugins) as made:
        yield made


@pytest.fixture
def full(empty: Appliance) -> Appliance:
    """Give an appliance in which TEXT and a password were saved."""
    empty.read(TEXT)
    empty.engine.editor.set_form("mail.options", {"password": "sesame"}, empty.engine.actor)
    empty.save()
    return empty
