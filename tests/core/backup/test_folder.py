"""The folder of backups: a list that shows what is damaged, and names that sort."""

from __future__ import annotations

from mailstead.backup.folder import list_backups, name_of, remove_oldest
from mailstead.backup.manifest import Manifest
from mailstead.machine.fake import FakeMachine
from mailstead.machine.values import Path
from tests.core.backup.crafted import MADE, Crafted

FOLDER = Path("/backups")


def made(revision: int, day: int, host: str = "mail") -> bytes:
    """Give an archive of a revision, day and host."""
    time = f"2026-05-{day:02}T08:30:00Z"
    return Crafted(made=Manifest("0.1.0", host, time, revision, MADE.parts)).archive()


def folder(**files: bytes) -> FakeMachine:
    """Give a machine with files in the folder; names lack the suffix."""
    machine = FakeMachine()
    for name, content in files.items():
        machine.add_file(FOLDER / f"{name.replace('_', '-')}.tar", content)
    return machine


def named(revision: int, day: int) -> str:
    """Name a backup of a day."""
    return f"mailstead-{revision}-202605{day:02}T083000Z"


def test_a_name_has_revision_and_time() -> None:
    """UTC, without what a shell would mind."""
    assert name_of(12, 1_800_000_000.7) == "mailstead-12-20270115T080000Z.tar"


def test_the_list_is_by_revision_and_time_and_shows_damage() -> None:
    """What is no archive of ours is there with the reason; other files are not."""
    machine = folder(c=made(2, 1), a=made(2, 3), b=made(1, 9), broken=made(2, 2)[:-700], text=b"x")
    machine.add_file(FOLDER / "notes.txt", b"")
    machine.add_directory(FOLDER / "folder.tar")
    machine.add_link(FOLDER / "link.tar", "a.tar")
    found = list_backups(machine, FOLDER)
    assert [item.path.name for item in found] == [
        "broken.tar", "text.tar", "b.tar", "c.tar", "a.tar",
    ]  # fmt: skip
    assert [bool(item.problem) for item in found] == [True, True, False, False, False]
    assert list_backups(machine, Path("/none")) == ()


def test_the_oldest_of_ours_go() -> None:
    """Not another host's, not one of another name, not a damaged one, never the new one."""
    files = {
        named(1, 1): made(1, 1),
        named(2, 1): made(2, 1),
        named(2, 9): made(2, 9),
        named(3, 1): made(3, 1, "other"),
        named(4, 1): made(4, 1)[:-700],
        "mine": made(0, 1),
    }
    machine = folder(**files)
    new = FOLDER / f"{named(2, 1)}.tar"
    gone = remove_oldest(machine, new, 2)
    assert [path.name for path in gone] == [f"{named(1, 1)}.tar"]
    assert remove_oldest(machine, new, 1) == (FOLDER / f"{named(2, 9)}.tar",)
    assert remove_oldest(machine, new, 1) == ()
    left = {name.removesuffix(".tar") for name in machine.list_directory(FOLDER)}
    assert left == {*files} - {named(1, 1), named(2, 9)}
