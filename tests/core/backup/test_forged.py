"""Archives whose content is not what a backup makes, under digests that fit."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from contextlib import suppress

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings

from mailstead.backup.contents import Index, Item
from mailstead.backup.opening import OpenedArchive
from mailstead.backup.restore import Restore
from mailstead.backup.restoring import restore_steps
from mailstead.backup.settings import archived_settings
from mailstead.engine import Engine
from mailstead.errors import (
    ArchiveError,
    InvalidInput,
)
from tests.core.backup.changed import (
    DIRECTORY,
    KEY,
    Changed,
    forged,
    strip,
)
from tests.core.damage import DAMAGE, Damage

pytestmark = pytest.mark.usefixtures("quick_keys")


def test_a_table_with_other_columns_is_refused_before_anything(changed: Changed) -> None:
    """By member, with the version that fits."""
    with (
        forged(changed, "sqlite" + DIRECTORY, "ALTER TABLE users ADD COLUMN x") as found,
        pytest.raises(ArchiveError, match=r"tables are not those.*restore it with Mailstead"),
    ):
        Restore(changed.site.engine, found).plan()


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE TRIGGER t AFTER INSERT ON running BEGIN DELETE FROM consents; END", "no table"),
        ("CREATE VIEW v AS SELECT 1", "no table"),
        ("PRAGMA user_version = 99", "newer Mailstead"),
        ("DROP TABLE running", "no such table"),
        ("UPDATE running SET value = 'no json'", "damaged"),
        ("UPDATE running SET section = x'ff'", "damaged"),
        ("UPDATE consents SET who = 5.5, at = 'x'", "damaged"),
        ("INSERT INTO running VALUES ('a', 'b', 'c', '[' || hex(zeroblob(90000)), 1)", "damaged"),
    ],
)
def test_settings_that_are_not_ours_are_refused(changed: Changed, sql: str, words: str) -> None:
    """Whatever is in the file; the error names archive and member."""
    with (
        forged(changed, "settings.db", sql) as found,
        pytest.raises(ArchiveError, match=words) as caught,
    ):
        Restore(changed.site.engine, found).plan()
    assert caught.value.where == f"{changed.path}: settings.db"
    assert not changed.site.engine.store.has_draft()


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(damage=DAMAGE)
@example(damage=Damage(((4056, 128),), None))
def test_damaged_settings_are_refused_or_read(opened_once: Opened, damage: Damage) -> None:
    """Whatever bytes are flipped or missing, the only error is ours."""
    image = pathlib.Path(opened_once.archive.images["settings.db"])
    image.write_bytes(damage.done_to(opened_once.settings))
    with suppress(ArchiveError):
        assert archived_settings(opened_once.engine, opened_once.archive).cells is not None


class Opened:
    """An archive that is opened once for many examples."""

    def __init__(self, engine: Engine, archive: OpenedArchive) -> None:
        self.engine = engine
        self.archive = archive
        self.settings = pathlib.Path(archive.images["settings.db"]).read_bytes()


@pytest.fixture
def opened_once(changed: Changed) -> Iterator[Opened]:
    """Open the archive."""
    with changed.site.opened(changed.path) as found:
        yield Opened(changed.site.engine, found)


def test_a_value_that_is_refused_here_stops_the_plan(changed: Changed) -> None:
    """As if somebody had typed it; nothing of it reaches a file."""
    sql = """UPDATE running SET value = '"a\\nb = c"' WHERE field = 'hostname'"""
    insert = """INSERT INTO running VALUES ('network.host', '', 'hostname', '"a\\nb"', 1)"""
    with (
        forged(changed, "settings.db", f"{sql}; {insert}") as found,
        pytest.raises(InvalidInput, match=r"network\.host\.hostname"),
    ):
        Restore(changed.site.engine, found).plan()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/shadow", "file"), ("/etc/mailstead/instance.toml", "file"),
        ("/etc/postfix/main.cf", "file"), ("/var/lib/mailstead/state.db", "sqlite"),
        (DIRECTORY, "file"), (KEY, "sqlite"), ("/etc/cron.d/x", "file"),
    ],
)  # fmt: skip
def test_only_what_modules_declare_is_written(changed: Changed, path: str, kind: str) -> None:
    """What an archive says of its own accord is left out and told."""
    with changed.site.opened(changed.path) as found:
        item = Item(kind + path, kind, 1, "0" * 64, path)  # type: ignore[arg-type]
        found.index = Index((*found.index.of("settings"), item))
        found.images = {**found.images, item.name: found.images["settings.db"]}
        agreed = Restore(changed.site.engine, found).plan()
        assert restore_steps(changed.site.engine, found) == ()
    assert agreed.left_out == (path,)
    assert (agreed.databases, agreed.files) == ((), ())


def test_an_owner_that_is_not_here_undoes_the_restore(changed: Changed) -> None:
    """A key is never given to somebody else."""
    before = changed.state()
    with changed.site.opened(changed.path) as found:
        items = [
            attrs.evolve(item, owner="nobody-has-this-name") if item.path == KEY else item
            for item in found.index.items
        ]
        found.index = Index(tuple(items))
        work = Restore(changed.site.engine, found)
        result = work.save(work.plan())
    assert (result.outcome, "its owner does not exist" in result.reason) == ("rolled back", True)
    assert strip(changed.state()) == strip(before)
