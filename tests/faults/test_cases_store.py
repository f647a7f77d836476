"""Case 26: the settings' database is locked, read-only, or a page of it is garbage."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.errors import InstanceError, Locked, StoreDamaged
from mailstead.settings import store_file
from mailstead.transaction.progress import Event
from tests.faults.calls import Calls
from tests.faults.driver import cases, run_case
from tests.faults.harness import DATABASE, Site, World, save
from tests.faults.moments import services, strike
from tests.faults.places import needs_root, read_only
from tests.faults.real_site import RealSite, edited, enabled
from tests.faults.scenarios import set_options
from tests.faults.stages import Stage, look
from tests.faults.wholes import deaf_daemons, outside_of

StageOf = Callable[[str], Stage]
PAGE = 4096
GARBAGE = b"garbage!" * (PAGE // 8)


def locked(site: Site) -> sqlite3.Connection:
    """Have somebody else write the settings, and not end."""
    connection = sqlite3.connect(site.folder / DATABASE, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


@pytest.fixture
def changed(saved_site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Give a saved site with another greeting in its draft, and less patience."""
    saved_site.run(lambda engine: set_options(engine, greeting="hi"))
    monkeypatch.setattr(store_file, "BUSY_SECONDS", 0.05)
    return saved_site


def test_26_locked_all_the_time(changed: Site) -> None:
    """It waits, gives up before anything is written, and says why."""
    before = outside_of(changed)
    with closing(locked(changed)):
        told = changed.run(save)
    assert isinstance(told.error, Locked)
    assert "another process is writing the settings" in str(told.error)
    assert outside_of(changed) == before
    assert look(changed).faults == ()
    assert changed.run(save).result.outcome == "committed"


@pytest.mark.parametrize("phase", ["write", "act", "probe"])
def test_26_locked_from_a_moment_on(changed: Site, phase: str) -> None:
    """What was written is put back though nothing can be recorded; later that is."""
    before = outside_of(changed)
    held: list[sqlite3.Connection] = []

    def lock(event: Event) -> None:
        if event.phase == phase and not held:
            held.append(locked(changed))

    result = changed.run(lambda engine: engine.save(progress=lock)).result
    assert result.outcome == "rolled back"
    assert "another process is writing the settings" in result.reason
    assert outside_of(changed) == before
    assert list(deaf_daemons(changed)) == []
    held[0].close()
    found = look(changed)
    assert (found.faults, found.open) == ((), None)
    assert changed.run(save).result.outcome == "committed"


def test_26_busy_at_any_statement(stage: StageOf) -> None:
    """Of a transaction, or for good: see the driver."""
    ready = stage("rows")
    struck = list(cases(ready, ["busy", "busy-for-good"]))
    assert [item for case in struck[::5] for item in run_case(ready, case)] == []


@needs_root
def test_26_on_a_disk_that_became_read_only(real: RealSite) -> None:
    """Nothing is saved, and the reason is said; daemons go on."""
    real.run(enabled)
    real.run(edited)
    old = real.see()
    with (
        read_only(real.path("/var/lib/mailstead")),
        pytest.raises(InstanceError, match="Read-only file system"),
    ):
        real.run(lambda engine: engine.save())
    assert real.see() == old
    assert real.run(lambda engine: engine.save()).outcome == "committed"


def pages(site: Site) -> int:
    """Count the pages of the database."""
    return (site.folder / DATABASE).stat().st_size // PAGE


def damage(database: Path, page: int) -> None:
    """Write garbage over a page; the first is 0."""
    with database.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(GARBAGE)


def test_26_any_page_is_garbage_when_a_killed_save_is_undone(stage: StageOf) -> None:
    """The files' copy of the journal is enough where the store's is lost.

    Each page once: where it matters the error says so, again and again, and nothing changes.
    """
    ready = stage("rows")
    strike(ready, services(ready)[-1] + 1)
    killed = ready.site.keep()
    lost = 0
    for page in range(pages(ready.site)):
        ready.site.restore(killed)
        damage(ready.site.folder / DATABASE, page)
        told = ready.site.run(lambda engine: engine.recovered)
        assert outside_of(ready.site) == ready.before.whole.outside
        assert list(deaf_daemons(ready.site)) == []
        if told.error is not None:
            assert isinstance(told.error, StoreDamaged)
            # Where the end could be recorded, the page is one that is read after recovery.
            assert "was undone" in str(told.error) or not journal_files(ready.site)
            refuses_everything(ready.site)
            lost += 1
    assert_whole_again(ready, killed)
    assert lost > 3


def journal_files(site: Site) -> tuple[str, ...]:
    """Give the names in the journal's folder."""
    return site.machine.tree.names(site.services.prefix / "var/lib/mailstead/journal")


def assert_whole_again(ready: Stage, killed: World) -> None:
    """With the database put back as it was, the save counts as undone, and is not undone twice."""
    ready.site.restore(killed)
    (ready.site.folder / DATABASE).write_bytes(GARBAGE)
    ready.site.run(lambda engine: engine.recovered)
    (ready.site.folder / DATABASE).write_bytes(killed.database)
    calls = Calls()
    found = look(ready.site, calls)
    assert (found.whole, found.faults, found.open) == (ready.before.whole, (), None)
    assert found.last is not None
    assert found.last.phase == "rolled back"
    assert "service.reload" not in [call.name for call in calls.made]


def refuses_everything(site: Site) -> None:
    """Every later command says that the settings are damaged, and changes nothing."""
    seen = outside_of(site)
    for action in (Engine.status, Engine.plan, save, Engine.recover, Engine.discard):
        calls = Calls()
        told = site.run(action, calls)
        assert isinstance(told.error, StoreDamaged)
        assert "the settings are damaged" in str(told.error)
        assert [str(call) for call in calls.made if call.lasts] == []
    assert outside_of(site) == seen


def test_26_a_page_is_garbage_that_only_a_save_reads(changed: Site) -> None:
    """Each page once, with nothing unfinished: refused, or saved whole; never a half."""
    kept = changed.keep()
    before = outside_of(changed)
    for page in range(1, pages(changed)):
        changed.restore(kept)
        damage(changed.folder / DATABASE, page)
        told = changed.run(save)
        if told.error is not None:
            assert isinstance(told.error, StoreDamaged), page
            assert outside_of(changed) == before
        elif told.result.outcome == "rolled back":
            assert "the settings are damaged" in told.result.reason
            assert outside_of(changed) == before
        else:
            assert told.result.outcome == "committed"
            assert list(deaf_daemons(changed)) == []
