"""An appliance with sample settings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.core.packages import Packages

from .appliance import TEXT, Appliance, open_appliance, sample_plugins


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
