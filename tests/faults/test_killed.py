"""A save that is killed at any point leaves one revision, whole, and the next one works."""

from __future__ import annotations

from pathlib import Path

from mailstead.engine import Engine
from tests.core.packages import Packages
from tests.faults.conftest import make_site
from tests.faults.harness import Site, save

CONF = "/etc/greeter.conf"
OLD, NEW = b"greeting hello\nport 7000\n", b"greeting hi\nport 7000\n"


def first(engine: Engine) -> None:
    """Enable the module and save."""
    engine.enable(["greeter"], consents=["greeter"])
    save(engine)


def change(engine: Engine) -> None:
    """Change an option and a row."""
    engine.editor.set_form("greeter.options", {"greeting": "hi"}, engine.actor)
    engine.editor.add_row("greeter.guests", {"name": "ada"}, engine.actor)


def prepare(folder: Path, packages: Packages) -> Site:
    """Give a site that was saved once and has a draft."""
    site = make_site(folder, packages)
    with site.process() as engine:
        first(engine)
        change(engine)
    return site


def agreed(site: Site) -> int:
    """Give the revision that files, rows, daemon and store agree on; fail when they do not."""
    with site.process() as engine:
        revision = engine.store.revision()
        greeting = engine.store.record("running", "greeter.options", "").get("greeting", "hello")
        conf = site.machine.read_file(engine.instance.path(CONF))
        database = engine.instance.path("/var/lib/greeter/guests.db")
        guests = set(site.machine.rows.get(database, {}).get("guests", {}))
        daemon = engine.controls(engine.registry.module("greeter").daemons[0]).state()
        assert conf == f"greeting {greeting}\nport 7000\n".encode()
        assert len(guests) == sum(1 for _ in engine.store.records("running", "greeter.guests"))
        assert daemon is not None
        assert engine.journal.unfinished() is None
        left = [str(path) for path in site.machine.tree.nodes
                if ".mailstead-" in path.name or "/staging/" in str(path)
                or ("/journal/" in str(path))]  # fmt: skip
        assert left == []
        return revision


def test_a_save_that_is_killed_at_any_point_is_whole(tmp_path: Path, packages: Packages) -> None:
    """Old or new; never mixed; a second recovery changes nothing; the next save works."""
    (tmp_path / "count").mkdir()
    points = prepare(tmp_path / "count", packages).calls(save)
    seen = set()
    for point in range(1, points + 1):
        (tmp_path / str(point)).mkdir()
        site = prepare(tmp_path / str(point), packages)
        assert site.die(point, save)
        revision = agreed(site)
        before = len(site.machine.calls)
        assert agreed(site) == revision
        assert not [
            c for c in site.machine.calls[before:] if c[0] in ("replace_file", "service.reload")
        ]
        seen.add(revision)
        with site.process() as engine:
            assert save(engine).outcome == ("committed" if revision == 1 else "nothing to do")
        assert agreed(site) == 2
    assert seen == {1, 2}
