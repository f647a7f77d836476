"""Sites for the cases: over a fake machine, made ready once; and on the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.core.packages import Packages
from tests.faults.harness import Site, short_folder
from tests.faults.real_site import RealSite
from tests.faults.scenarios import (
    Scenario,
    greeter_machine,
    greeter_registry,
    saved,
)  # fmt: skip
from tests.faults.stages import SCENARIOS, Stage, workshop

Make = Callable[[Scenario], Stage]


@pytest.fixture(scope="session")
def maker() -> Iterator[Make]:
    """Give the maker of stages."""
    with workshop() as make:
        yield make


@pytest.fixture
def stage(maker: Make) -> Callable[[str], Stage]:
    """Give a scenario made ready, by its name."""
    return lambda name: maker(SCENARIOS[name])


@pytest.fixture
def site(packages: Packages) -> Iterator[Site]:
    """Give a site whose greeter is not enabled yet."""
    with short_folder() as folder:
        yield Site.make(folder / "site", greeter_machine(), greeter_registry(packages))


@pytest.fixture
def saved_site(site: Site) -> Site:
    """Give a site whose greeter is enabled, saved and running."""
    saved(site)
    return site


@pytest.fixture
def real(packages: Packages) -> Iterator[RealSite]:
    """Give a site on the real machine, in which nothing is enabled yet."""
    with short_folder() as folder:
        folder.chmod(0o755)
        made = RealSite.make(folder / "site", packages)
        try:
            yield made
        finally:
            made.stop()
