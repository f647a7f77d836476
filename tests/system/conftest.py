"""Sandboxes for tests with real daemons."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from tests.system.outside import Outside
from tests.system.sandbox import Sandbox

HERE = Path(__file__).parent


@attrs.frozen
class Site:
    """A mail server with two users and an object that may relay, and the world outside."""

    sandbox: Sandbox
    outside: Outside


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder, before ``-m`` chooses."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.daemons)


@pytest.fixture(autouse=True)
def _needs_root() -> None:
    assert os.geteuid() == 0, "the tests with real daemons need root: run sudo script/test"


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Give the site of this test process; tests leave its settings as they found them."""
    with new_site() as made:
        yield made


@contextmanager
def new_site() -> Iterator[Site]:
    """Make a site, for tests that leave their traces in it."""
    outside = Outside.start()
    sandbox = Sandbox.make(outside=outside.route)
    try:
        sandbox.furnish()
        yield Site(sandbox, outside)
    finally:
        sandbox.destroy()
        outside.stop()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Give an empty sandbox of the test's own."""
    made = Sandbox.make()
    try:
        yield made
    finally:
        made.destroy()
