"""Going back that is killed leaves one revision, whole."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.transaction.rollback import Goal
from mailstead.transaction.save import Request, SaveResult
from tests.core.packages import Packages
from tests.faults.harness import Site, save
from tests.faults.test_killed import agreed, prepare

STRIDE = 5  # a sample of the points: going back is a save, and that is killed at each


def go_back(engine: Engine) -> SaveResult:
    """Go back to the first revision."""
    return engine.save(Request(back_to=Goal(1)))


def two_revisions(folder: Path, packages: Packages) -> Site:
    """Give a site that was saved twice."""
    folder.mkdir()
    site = prepare(folder, packages)
    with site.process() as engine:
        save(engine)
    return site


def test_going_back_that_is_killed_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old or the new revision; once the draft is discarded one can go back all the same."""
    packages = Packages(tmp_path, monkeypatch)
    points = two_revisions(tmp_path / "count", packages).calls(go_back)
    seen = set()
    for point in range(1, points + 1, STRIDE):
        site = two_revisions(tmp_path / str(point), packages)
        assert site.die(point, go_back)
        gc.collect()  # a dead process holds no statement open, and with it no lock
        revision = agreed(site)
        seen.add(revision)
        with site.process() as engine:
            engine.discard()
            if revision == 2:
                assert go_back(engine).outcome == "committed"
        assert agreed(site) == 3
    assert seen == {2, 3}
