"""Fixtures of the tests of users."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.users.world import World, world


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    """Give an open directory."""
    with world(tmp_path) as found:
        yield found
