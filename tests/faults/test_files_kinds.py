"""What may stand where a file belongs (case 23 of the faults).

The policy: a link, folder, pipe, socket or device is left alone with an error and never
followed. A hard link is a file: the name gets the new one, its other names keep the old.
"""

from __future__ import annotations

import os
import pathlib
import stat
from collections.abc import Callable, Iterator

import attrs
import pytest

from mailstead.errors import MachineError
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path
from tests.faults.pictures import picture
from tests.faults.places import needs_root, read_only

pytestmark = needs_root
MACHINE = RealMachine()
NOBODY = 65534
TEMPORARY = ".main.cf.mailstead-0123456789abcdef"


@attrs.frozen
class Scene:
    """A file's place in ``tree``, and an ``outside`` that links may lead to."""

    tree: pathlib.Path
    outside: pathlib.Path

    @property
    def target(self) -> pathlib.Path:
        """Give where the file belongs."""
        return self.tree / "main.cf"

    def pictures(self) -> tuple[object, object]:
        """Look at everything."""
        return picture(self.tree), picture(self.outside)


@pytest.fixture
def scene(tmp_path: pathlib.Path) -> Iterator[Scene]:
    """Give a place; what is outside is one file, in a folder that becomes read-only."""
    made = Scene(tmp_path / "tree", tmp_path / "outside")
    for folder in (made.tree, made.outside, made.outside / "fixed"):
        folder.mkdir()
        (folder / "other").write_bytes(b"theirs\n")
    with read_only(made.outside / "fixed"):
        yield made


def link(target: str) -> Callable[[Scene], None]:
    """Put a link at the place; ``OUT`` in it is the outside."""

    def plant(scene: Scene) -> None:
        scene.target.symlink_to(target.replace("OUT", str(scene.outside)))

    return plant


def node(kind: int, major: int = 0, minor: int = 0) -> Callable[[Scene], None]:
    """Put something at the place that is neither file nor folder."""

    def plant(scene: Scene) -> None:
        os.mknod(scene.target, 0o666 | kind, os.makedev(major, minor))

    return plant


def link_of_nobody(scene: Scene) -> None:
    """Put a link at the place that is not root's."""
    link("other")(scene)
    os.chown(scene.target, NOBODY, NOBODY, follow_symlinks=False)


PLANTS: dict[str, Callable[[Scene], None]] = {
    "link to a file": link("other"),
    "link to a folder": link("."),
    "link of another user": link_of_nobody,
    "dangling link": link("missing"),
    "loop of links": link("main.cf"),
    "link out of the tree": link("OUT/other"),
    "link out by dots": link("../outside/other"),
    "link to a new name outside": link("OUT/new"),
    "link into a read-only place": link("OUT/fixed/other"),
    "folder": lambda scene: scene.target.mkdir(),
    "pipe": node(stat.S_IFIFO),
    "socket": node(stat.S_IFSOCK),
    "character device": node(stat.S_IFCHR, 1, 3),
    "block device": node(stat.S_IFBLK, 7, 0),
}
CHANGES: dict[str, Callable[[Path], object]] = {
    "replace": lambda path: MACHINE.replace_file(path, b"new\n", mode=0o604, uid=1, gid=1),
    "restore": lambda path: MACHINE.replace_file(
        path, b"new\n", mode=0o604, uid=1, gid=1, attributes={}
    ),
    "own": lambda path: MACHINE.set_owner(path, mode=0o604, uid=1, gid=1),
    "scratch": lambda path: MACHINE.write_scratch(path, b"new\n"),
    "append": lambda path: MACHINE.append_file(path, b"new\n"),
    "attributes": MACHINE.read_attributes,
    "detach": lambda path: MACHINE.detach(["/bin/true"], log=path),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", PLANTS)
def test_what_is_no_file_is_left_alone(scene: Scene, kind: str, change: str) -> None:
    """The message names the place; neither it nor what it leads to is different after."""
    PLANTS[kind](scene)
    before = scene.pictures()
    with pytest.raises(MachineError) as caught:
        CHANGES[change](Path(scene.target))
    assert before == scene.pictures()
    assert caught.value.where == str(scene.target)


@pytest.mark.parametrize("kind", PLANTS)
def test_replacing_tells_what_stands_there(scene: Scene, kind: str) -> None:
    """The admin learns the kind, and what to do."""
    PLANTS[kind](scene)
    words = "a symbolic link" if "link" in kind else "not a regular file"
    with pytest.raises(MachineError, match=f"is {words} and is left alone") as caught:
        CHANGES["replace"](Path(scene.target))
    assert caught.value.hint == "move it away"


@pytest.mark.parametrize("kind", [kind for kind in PLANTS if kind != "folder"])
def test_what_is_no_folder_is_not_made_one(scene: Scene, kind: str) -> None:
    """A link to a folder is none either."""
    PLANTS[kind](scene)
    before = scene.pictures()
    with pytest.raises(MachineError):
        MACHINE.make_directory(Path(scene.target), mode=0o700, uid=1, gid=1)
    with pytest.raises(MachineError):
        MACHINE.remove_tree(Path(scene.target))
    assert before == scene.pictures()


@pytest.mark.parametrize("kind", [kind for kind in PLANTS if kind != "folder"])
def test_removing_takes_the_name_alone(scene: Scene, kind: str) -> None:
    """Not what a link leads to."""
    before = scene.pictures()
    PLANTS[kind](scene)
    MACHINE.remove_file(Path(scene.target))
    assert before == scene.pictures()


def test_a_folder_is_not_removed_as_a_file(scene: Scene) -> None:
    """Though it be empty."""
    PLANTS["folder"](scene)
    with pytest.raises(MachineError, match="is a directory"):
        MACHINE.remove_file(Path(scene.target))
    assert scene.target.is_dir()


@pytest.mark.parametrize("kind", PLANTS)
def test_what_has_our_temporary_name_is_not_swept(scene: Scene, kind: str) -> None:
    """Only files are ours; and those a link leads to are not."""
    PLANTS[kind](scene)
    scene.target.rename(scene.tree / TEMPORARY)
    before = scene.pictures()
    assert () == MACHINE.sweep(Path(scene.tree))
    assert before == scene.pictures()


def test_other_names_of_a_file_keep_the_old_content(scene: Scene) -> None:
    """A copy by hard links, as of cp -al, is a copy; owner and mode are not shared either."""
    other = scene.outside / "other"
    os.link(other, scene.target)
    CHANGES["replace"](Path(scene.target))
    assert b"new\n" == scene.target.read_bytes()
    assert b"theirs\n" == other.read_bytes()
    assert (1, 0) == (scene.target.stat().st_uid, other.stat().st_uid)
    assert other.stat().st_nlink == 1


@pytest.mark.parametrize("owner", [0, NOBODY])
def test_a_link_on_the_way_is_followed_if_it_is_roots(scene: Scene, owner: int) -> None:
    """An admin may keep /etc/postfix elsewhere; a user may not lead us there."""
    way = scene.tree / "way"
    way.symlink_to(scene.outside)
    os.chown(way, owner, owner, follow_symlinks=False)
    if owner:
        with pytest.raises(MachineError, match="symbolic link that others can make"):
            CHANGES["replace"](Path(way / "other"))
        assert b"theirs\n" == (scene.outside / "other").read_bytes()
    else:
        CHANGES["replace"](Path(way / "other"))
        assert b"new\n" == (scene.outside / "other").read_bytes()
