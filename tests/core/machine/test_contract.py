"""What holds for every machine, real or fake."""

from __future__ import annotations

import pytest

from mailstead.errors import Locked, MachineError
from mailstead.machine.base import DeadlineExceeded, Machine, Path, RowChange
from mailstead.machine.fake import FakeMachine
from mailstead.machine.real import RealMachine
from tests.core.machine.conftest import World


def test_both_machines_implement_the_port() -> None:
    """The type checker compares the signatures here."""
    machines: list[Machine] = [RealMachine(), FakeMachine()]
    assert [machine.boot_clock() for machine in machines] > [0.0, 0.0]


def test_a_written_file_is_read_back_with_its_mode(world: World) -> None:
    """Replacing gives content and mode as declared."""
    world.write(world.root / "a", b"one", 0o640)
    world.write(world.root / "a", b"two", 0o604)
    state = world.machine.stat_file(world.root / "a")
    assert world.machine.read_file(world.root / "a") == b"two"
    assert state is not None
    assert ("file", 0o604, world.uid, 3) == (state.kind, state.mode, state.uid, state.size)
    assert world.machine.list_directory(world.root) == ("a",)


def test_a_missing_file_is_said_to_be_missing(world: World) -> None:
    """Each question about nothing has its own answer."""
    gone = world.root / "none" / "x"
    assert world.machine.stat_file(gone) is None
    assert world.machine.list_directory(gone) == ()
    with pytest.raises(FileNotFoundError):
        world.machine.read_file(gone)


def test_a_missing_folder_is_refused_by_name(world: World) -> None:
    """Writing makes no folders on the way."""
    with pytest.raises(MachineError, match=r"none/x: no such file"):
        world.write(world.root / "none" / "x")


def test_a_link_or_folder_at_the_path_is_refused_by_name(world: World) -> None:
    """Neither is followed nor replaced."""
    world.folder(world.root / "folder")
    world.link(world.root / "link", "target")
    for name in ("folder", "link"):
        with pytest.raises(MachineError, match=f"{name}: is"):
            world.write(world.root / name)
    assert world.machine.stat_file(world.root / "target") is None


def test_a_link_planted_on_the_way_is_refused(world: World) -> None:
    """A link in a folder that anyone can write to leads nowhere."""
    world.folder(world.root / "goal")
    world.folder(world.root / "open", 0o777)
    world.link(world.root / "open" / "way", str(world.root / "goal"))
    with pytest.raises(MachineError, match="symbolic link"):
        world.write(world.root / "open" / "way" / "x")
    assert world.machine.list_directory(world.root / "goal") == ()


def test_a_link_of_roots_on_the_way_is_followed(world: World) -> None:
    """A disk moved by the admin, as with /var/run, goes on working."""
    world.folder(world.root / "goal")
    world.link(world.root / "way", "goal")
    world.write(world.root / "way" / "x", b"here")
    assert world.machine.read_file(world.root / "goal" / "x") == b"here"


@pytest.mark.parametrize("mode", [0o777, 0o757])
def test_a_folder_others_can_write_to_is_refused(world: World, mode: int) -> None:
    """Root does not write where a link can be planted."""
    world.folder(world.root / "open", mode)
    with pytest.raises(MachineError, match="can be changed by others"):
        world.write(world.root / "open" / "x")


def test_a_sticky_folder_is_no_danger(world: World) -> None:
    """In a folder like /tmp nobody can replace what is not theirs."""
    world.folder(world.root / "tmp", 0o1777)
    world.write(world.root / "tmp" / "x")
    assert world.machine.list_directory(world.root / "tmp") == ("x",)


def test_a_path_with_dots_is_refused(world: World) -> None:
    """A path is absolute and plain."""
    for path in (Path("relative"), world.root / ".." / "x"):
        with pytest.raises(MachineError, match="absolute"):
            world.machine.stat_file(path)


def test_a_large_file_is_not_read(world: World) -> None:
    """The limit is exact."""
    world.write(world.root / "a", b"12345")
    assert world.machine.read_file(world.root / "a", limit=5) == b"12345"
    with pytest.raises(MachineError, match="larger than 4"):
        world.machine.read_file(world.root / "a", limit=4)


def test_removing_twice_is_no_error(world: World) -> None:
    """A file, a link and a tree may be gone already; a link's target stays."""
    machine, root = world.machine, world.root
    world.folder(root / "tree")
    world.write(root / "tree" / "x")
    world.write(root / "kept")
    world.link(root / "tree" / "link", str(root / "kept"))
    for _ in range(2):
        machine.remove_file(root / "tree" / "x")
        machine.remove_tree(root / "tree")
    assert machine.list_directory(root) == ("kept",)


def test_a_folder_is_made_once_and_its_mode_set_again(world: World) -> None:
    """Making an existing folder sets its mode; a file there is refused."""
    for mode in (0o700, 0o750):
        world.machine.make_directory(world.root / "d", mode=mode, uid=world.uid, gid=world.gid)
    state = world.machine.stat_file(world.root / "d")
    assert state is not None
    assert (state.kind, state.mode) == ("directory", 0o750)
    world.write(world.root / "file")
    with pytest.raises(MachineError, match="file: not a directory"):
        world.machine.make_directory(world.root / "file", mode=0o700, uid=0, gid=0)


def test_setting_an_owner_follows_no_link(world: World) -> None:
    """Only a regular file's owner and mode are set."""
    world.write(world.root / "a")
    world.link(world.root / "link", "a")
    world.machine.set_owner(world.root / "a", mode=0o604, uid=world.uid, gid=world.gid)
    with pytest.raises(MachineError):
        world.machine.set_owner(world.root / "link", mode=0o666, uid=0, gid=0)
    state = world.machine.stat_file(world.root / "a")
    assert state is not None
    assert state.mode == 0o604


def test_a_lock_is_held_once_and_free_after(world: World) -> None:
    """A second holder is refused, with the name of the lock."""
    path = world.root / "lock"
    with world.machine.lock(path), pytest.raises(Locked, match="lock"), world.machine.lock(path):
        pass
    with world.machine.lock(path):
        pass


def test_free_space_is_asked_of_the_nearest_folder(world: World) -> None:
    """The path itself need not exist."""
    assert world.machine.free_space(world.root / "none" / "x") > 0


def test_rows_need_a_database(world: World) -> None:
    """No database is made by publishing."""
    change = RowChange("t", {"name": "a"}, None, {"name": "a"})
    with pytest.raises(MachineError, match="does not exist"):
        world.machine.apply_rows(world.root / "none.db", [change])


def test_a_scratch_file_is_new_and_private(world: World) -> None:
    """It never replaces anything."""
    path = world.root / "scratch"
    world.machine.write_scratch(path, b"x")
    state = world.machine.stat_file(path)
    assert state is not None
    assert state.mode & 0o777 == 0o600
    with pytest.raises(MachineError):
        world.machine.write_scratch(path, b"y")
    assert world.machine.read_file(path) == b"x"


def test_a_deadline_interrupts_a_loop_and_spares_what_is_quick(world: World) -> None:
    """On either machine it is real."""
    with world.machine.deadline(600.0):
        assert world.machine.now() > 0
    with pytest.raises(DeadlineExceeded), world.machine.deadline(0.05):
        spin()


def spin() -> None:
    """Go on for ever."""
    while True:
        pass
