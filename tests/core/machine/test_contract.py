"""What holds for every machine, real or fake."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mailstead.errors import CommandFailed, Locked, MachineError
from mailstead.machine.attributes import ACL
from mailstead.machine.base import DeadlineExceeded, Machine
from mailstead.machine.fake import FakeMachine
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Completed, Path, RowChange
from tests.core.machine.conftest import World, has_attributes
from tests.core.machine.lists import GROUP, MASK, acl, entry

TEMPORARY = ".a.mailstead-0123456789abcdef"
NOTE = {"user.note": b"mine"}


def attach(world: World, attributes: Mapping[str, bytes] | None, mode: int = 0o640) -> Path:
    """Write a file with attributes; skip where the file system knows none."""
    if isinstance(world.machine, RealMachine) and not has_attributes(world.root):
        pytest.skip("this file system has no attributes")
    path = world.root / "a"
    world.machine.replace_file(
        path, b"x", mode=mode, uid=world.uid, gid=world.gid, attributes=attributes
    )
    return path


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


def test_attributes_are_kept_unless_others_are_given(world: World) -> None:
    """None keeps what is attached; a mapping, though empty, is all there is after."""
    path = attach(world, NOTE)
    world.write(path)
    assert NOTE == world.machine.read_attributes(path)
    attach(world, {"user.other": b""})
    assert {"user.other": b""} == world.machine.read_attributes(path)
    attach(world, {})
    assert {} == world.machine.read_attributes(path)


def test_the_declared_mode_is_the_mask_of_a_list(world: World) -> None:
    """An admin's list is kept; what it lets people do is not more than the mode says."""
    path = attach(world, {ACL: acl(0o640, named=6, mask=4)})
    assert {ACL: acl(0o640, named=6, mask=4)} == world.machine.read_attributes(path)
    world.write(path, mode=0o600)
    state = world.machine.stat_file(path)
    assert state is not None
    assert state.mode == 0o600
    kept = entry(GROUP, 4) + entry(MASK, 0)
    assert kept in world.machine.read_attributes(path)[ACL]


def test_a_list_that_is_none_is_refused(world: World) -> None:
    """It is never silently left out."""
    attach(world, NOTE)
    for broken in (b"x", acl(0o640, named=6, mask=4)[:-1]):
        with pytest.raises(MachineError, match="access control list cannot be set: invalid"):
            attach(world, {ACL: broken})
    assert world.machine.list_directory(world.root) == ("a",)
    assert NOTE == world.machine.read_attributes(world.root / "a")


def test_attributes_are_those_of_a_file(world: World) -> None:
    """A link is not followed, and nothing has none."""
    world.write(world.root / "a")
    world.link(world.root / "link", "a")
    for name in ("link", ""):
        with pytest.raises(MachineError, match="left alone"):
            world.machine.read_attributes(world.root / name)
    with pytest.raises(FileNotFoundError):
        world.machine.read_attributes(world.root / "none")


def test_a_link_is_read_as_it_is_written(world: World) -> None:
    """Wherever it leads; what is no link, or not there, says nothing."""
    world.write(world.root / "a")
    world.link(world.root / "link", "../nowhere/x")
    assert world.machine.read_link(world.root / "link") == "../nowhere/x"
    for name in ("a", "none", "a/b", ""):
        assert world.machine.read_link(world.root / name) is None


def test_a_scratch_file_is_dated_1970(world: World) -> None:
    """The date is what the port tells, and a file written now is younger."""
    world.machine.write_scratch(world.root / "a", b"x")
    found = world.machine.stat_file(world.root / "a")
    assert found is not None
    assert found.modified == 0.0


def test_only_our_temporary_files_are_swept(world: World) -> None:
    """Other files, and folders and links by that name, stay; nothing there is no error."""
    world.write(world.root / TEMPORARY)
    world.write(world.root / "main.cf")
    world.folder(world.root / ".folder.mailstead-0123456789abcdef")
    world.link(world.root / ".link.mailstead-0123456789abcdef", "main.cf")
    left = {*world.machine.list_directory(world.root)} - {TEMPORARY}
    assert (TEMPORARY,) == world.machine.sweep(world.root)
    assert () == world.machine.sweep(world.root)
    assert left == {*world.machine.list_directory(world.root)}
    assert len(left) == 3
    assert () == world.machine.sweep(world.root / "none" / "deeper")


def test_a_detached_program_runs_in_a_session_of_its_own(world: World) -> None:
    """It is known by its id, and its log is nobody else's to read."""
    pid = world.machine.detach(["/bin/sleep", "60"], log=world.root / "log")
    found, log = world.machine.process(pid), world.machine.stat_file(world.root / "log")
    world.end(pid)
    assert found is not None
    assert log is not None
    assert (log.kind, log.mode) == ("file", 0o600)


def test_the_boot_and_the_login_have_names(world: World) -> None:
    """Asked twice, they are the same."""
    machine = world.machine
    assert machine.boot_id() == machine.boot_id() != ""
    assert machine.session() == machine.session() != ""
    assert machine.origin() == machine.origin() != ""


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


def test_what_is_appended_comes_at_the_end(world: World) -> None:
    """Of a private file that is made where it is missing; a link is left alone."""
    path = world.root / "a"
    for content in (b"one", b"two"):
        world.machine.append_file(path, content)
    assert world.machine.read_file(path) == b"onetwo"
    state = world.machine.stat_file(path)
    assert state is not None
    assert state.mode & 0o777 == 0o600
    world.link(world.root / "link", "a")
    for name in ("link", "none/a"):
        with pytest.raises(MachineError):
            world.machine.append_file(world.root / name, b"x")


def test_a_stream_is_read_from_anywhere(world: World) -> None:
    """It tells its size, and reads less only at the end."""
    world.write(world.root / "a", b"0123456789")
    with world.machine.read_stream(world.root / "a") as stream:
        assert stream.size == 10
        assert stream.read(4) == b"0123"
        stream.seek(8)
        assert (stream.read(4), stream.read(4)) == (b"89", b"")


def test_only_a_file_is_read_as_a_stream(world: World) -> None:
    """Nothing there is said as it is; a folder is refused."""
    with (
        pytest.raises(FileNotFoundError),
        world.machine.read_stream(world.root / "none"),
    ):
        pass
    world.folder(world.root / "d")
    with (
        pytest.raises(MachineError, match="not a regular file"),
        world.machine.read_stream(world.root / "d"),
    ):
        pass


def test_a_file_that_is_written_in_pieces_appears_whole(world: World) -> None:
    """Until the end there is nothing; earlier bytes may be corrected, later ones dropped."""
    path = world.root / "a"
    with world.machine.replace_stream(path, mode=0o600, uid=world.uid, gid=world.gid) as out:
        assert out.write(b"size: ?\nabc") == 11
        out.write(b"def")
        out.cut(11)
        out.rewrite(6, b"3")
        assert out.tell() == 11
        out.write(b".")
        assert world.machine.stat_file(path) is None
    state = world.machine.stat_file(path)
    assert state is not None
    assert (state.mode, world.machine.read_file(path)) == (0o600, b"size: 3\nabc.")
    assert world.machine.list_directory(world.root) == ("a",)


def test_an_error_while_writing_leaves_what_was_there(world: World) -> None:
    """No part and no temporary file."""
    world.write(world.root / "a", b"old")
    with pytest.raises(ZeroDivisionError):
        _write_half(world, world.root / "a")
    assert world.machine.read_file(world.root / "a") == b"old"
    assert world.machine.list_directory(world.root) == ("a",)


def test_a_stream_replaces_no_link_or_folder(world: World) -> None:
    """Nor is it written where others can plant a link."""
    world.folder(world.root / "folder")
    world.link(world.root / "link", "target")
    world.folder(world.root / "open", 0o777)
    for name in ("folder", "link", "open/x"):
        with pytest.raises(MachineError):
            _write_half(world, world.root / name)
    assert world.machine.stat_file(world.root / "target") is None


def test_an_added_file_has_owner_mode_and_date(world: World) -> None:
    """Also in a folder that others can write to."""
    world.folder(world.root / "open", 0o777)
    path = world.root / "open" / "x"
    owner = {"uid": world.uid, "gid": world.gid}
    with world.machine.add_stream(path, mode=0o640, modified=1234.0, **owner) as out:
        out.write(b"mail")
    state = world.machine.stat_file(path)
    assert state is not None
    assert (state.mode, state.modified, state.size) == (0o640, 1234.0, 4)
    assert world.machine.list_directory(world.root / "open") == ("x",)


def test_an_added_file_never_replaces_another(world: World) -> None:
    """Not one that was there, nor one that came meanwhile."""
    owner = {"mode": 0o600, "uid": world.uid, "gid": world.gid}
    with world.machine.add_stream(world.root / "x", modified=1.0, **owner) as out:
        out.write(b"mine")
        world.write(world.root / "x", b"theirs")
    assert world.machine.read_file(world.root / "x") == b"theirs"
    assert world.machine.list_directory(world.root) == ("x",)


def test_owners_have_names_where_there_are_any(world: World) -> None:
    """A number nobody has gives none."""
    assert world.machine.owner_names(0, 0) == ("root", "root")
    assert world.machine.owner_names(987654, 987654) == ("", "")


def test_whole_databases_must_exist(world: World) -> None:
    """None is made by copying, looking or restoring."""
    machine, gone = world.machine, world.root / "none.db"
    for call in (
        lambda: machine.copy_databases({gone: world.root / "copy"}),
        lambda: machine.inspect_database(gone, ()),
        lambda: machine.restore_database(gone, gone),
    ):
        with pytest.raises(MachineError, match="does not exist"):
            call()
    assert machine.list_directory(world.root) == ()


def _write_half(world: World, path: Path) -> None:
    with world.machine.replace_stream(path, mode=0o600, uid=world.uid, gid=world.gid) as out:
        out.write(b"half")
        raise ZeroDivisionError


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


def test_a_command_is_read_line_by_line(world: World) -> None:
    """The fake's answer is scripted; a failure comes after the lines, from both."""
    argv = ["sh", "-c", "printf 'one\\ntwo'; echo oops >&2; exit 3"]
    if isinstance(world.machine, FakeMachine):
        world.machine.on_command(["sh"], Completed(3, "one\ntwo", "oops\n"))
    found: list[str] = []
    with (
        pytest.raises(CommandFailed, match="exit status 3: oops"),
        world.machine.run_lines(argv) as lines,
    ):
        found.extend(lines)
    assert found == ["one", "two"]
    assert lines.complaints == "oops\n"
