"""A copy of what lies elsewhere: made anew for a backup, put back after a restore."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from mailstead.backup.restore import Restore
from mailstead.errors import PlanError
from mailstead.registry import Registry
from tests.core.backup.site import Site
from tests.core.packages import Packages

CODE = """
import sqlite3
from contextlib import closing
from mailstead.plugin import *

PLACE, COPY = "/var/lib/bell/sound", "/var/lib/bell/copy.db"


def prepare(context, machine):
    with closing(sqlite3.connect(context.path(COPY))) as copy, copy:
        copy.execute("CREATE TABLE IF NOT EXISTS sounds (sound)")


def refresh(context, machine):
    sound = machine.read_file(context.path(PLACE)).decode()
    with closing(sqlite3.connect(context.path(COPY))) as copy, copy:
        copy.execute("DELETE FROM sounds")
        copy.execute("INSERT INTO sounds VALUES (?)", (sound,))


def restored(context, machine):
    with closing(sqlite3.connect(context.path(COPY))) as copy:
        (sound,), = copy.execute("SELECT sound FROM sounds")
    if sound == "broken":
        raise RuntimeError("cannot ring")
    machine.replace_file(context.path(PLACE), sound.encode(), mode=0o644, uid=0, gid=0)
    return f"it rings {sound}"


module = Module(
    folders=[Folder("/var/lib/bell")],
    prepare=prepare,
    backups=[Backup(COPY, "sqlite", counts=("sounds",), refresh=refresh, restored=restored)],
)
"""


@pytest.fixture
def bell(make_site: Callable[..., Site], packages: Packages) -> Site:
    """Give a site with one module, whose data lies in a file that no backup takes."""
    site = make_site(registry=Registry.discover([packages.add("bell", "", CODE)]))
    site.enable("bell")
    site.write("/var/lib/bell/sound", b"ding")
    return site


def finished(site: Site, made: object) -> list[str]:
    """Restore a backup and finish it; gives what modules say."""
    with site.opened(made.path) as found:  # type: ignore[attr-defined]
        work = Restore(site.engine, found)
        assert work.save(work.plan()).outcome == "committed"
        return list(work.finish())


def test_what_lies_elsewhere_comes_back(bell: Site) -> None:
    """As it was when the backup was made, not when the copy was."""
    bell.backup("/first")
    bell.write("/var/lib/bell/sound", b"dong")
    made = bell.backup("/second")
    bell.path("/var/lib/bell/sound").unlink()
    assert finished(bell, made) == ["it rings dong"]
    assert bell.path("/var/lib/bell/sound").read_bytes() == b"dong"


def test_a_backup_that_cannot_be_brought_up_to_date_is_none(bell: Site) -> None:
    """It names the module and the copy."""
    bell.path("/var/lib/bell/sound").unlink()
    with pytest.raises(PlanError, match=r"module bell: bringing /var/lib/bell/copy\.db"):
        bell.backup("/none")
    assert not bell.path("/none").exists()


def test_what_cannot_be_put_back_is_told(bell: Site) -> None:
    """The copy is restored all the same."""
    bell.write("/var/lib/bell/sound", b"broken")
    made = bell.backup("/first")
    bell.write("/var/lib/bell/sound", b"ding")
    (told,) = finished(bell, made)
    assert "module bell: putting back what /var/lib/bell/copy.db holds" in told
    assert "cannot ring" in told
    with closing(sqlite3.connect(bell.path("/var/lib/bell/copy.db"))) as copy:
        assert copy.execute("SELECT sound FROM sounds").fetchall() == [("broken",)]
