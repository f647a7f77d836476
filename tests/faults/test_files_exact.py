"""Owner, mode, attributes and lists are as declared, at every moment (case 24 of the faults)."""

from __future__ import annotations

import errno
import os
import pathlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailstead.errors import MachineError
from mailstead.machine import attributes as extended
from mailstead.machine.attributes import ACL
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path
from tests.core.machine.conftest import has_attributes
from tests.core.machine.lists import acl
from tests.faults.pictures import attributes, entry, picture
from tests.faults.places import mounted, needs_root
from tests.faults.watcher import GROUP, NAMED, OWNER, Watcher

pytestmark = needs_root
MACHINE = RealMachine()
DEFAULT_ACL = "system.posix_acl_default"
SECRET = b"secret"
MODES = st.integers(0, 0o777)
RIGHTS = st.integers(0, 7)
LISTS = st.builds(acl, MODES, named=RIGHTS, mask=RIGHTS, user=st.just(NAMED))
ATTRIBUTES = st.fixed_dictionaries(
    {}, optional={ACL: LISTS, "user.note": st.binary(max_size=9), "trusted.note": st.just(b"x")}
)


@attrs.frozen
class Case:
    """A replacement: what was there, what is declared, and under which circumstances."""

    mode: int
    given: dict[str, bytes] | None
    old: tuple[int, dict[str, bytes]] | None
    handed_down: bytes | None
    umask: int


CASES = st.builds(
    Case,
    mode=MODES,
    given=st.none() | ATTRIBUTES,
    old=st.none() | st.tuples(MODES, ATTRIBUTES),
    handed_down=st.none() | LISTS,
    umask=st.sampled_from([0, 0o022, 0o077, 0o777]),
)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Give a folder that everybody may enter, on a file system with attributes."""
    if not has_attributes(Path(tmp_path)):
        pytest.skip("this file system has no attributes")
    tmp_path.chmod(0o755)
    return tmp_path


def prepare(folder: pathlib.Path, case: Case) -> None:
    """Make the folder as it was before."""
    (folder / "a").unlink(missing_ok=True)
    if DEFAULT_ACL in os.listxattr(folder):
        os.removexattr(folder, DEFAULT_ACL)
    if case.old is not None:
        plant(folder / "a", *case.old)
    if case.handed_down is not None:
        os.setxattr(folder, DEFAULT_ACL, case.handed_down)


def plant(path: pathlib.Path, mode: int, given: dict[str, bytes]) -> None:
    """Put a file somewhere with a mode and attributes, as chmod and setfacl would."""
    path.touch(0o600)
    for key, value in given.items():
        os.setxattr(path, key, value)
    path.chmod(mode)


def expected(folder: pathlib.Path, case: Case) -> tuple[tuple[str, bytes], ...]:
    """Ask the kernel what a file with this list looks like after chmod."""
    wanted = case.given
    if wanted is None and case.old is not None:
        wanted = case.old[1]
    path = folder / "reference"
    path.unlink(missing_ok=True)
    path.touch(0o600)
    if wanted is not None and ACL in os.listxattr(path):
        os.removexattr(path, ACL)
    plant(path, case.mode, wanted or {})
    return attributes(path)


@contextmanager
def masked(umask: int) -> Iterator[None]:
    """Work under a umask."""
    before = os.umask(umask)
    try:
        yield
    finally:
        os.umask(before)


def watch(folder: pathlib.Path, case: Case) -> tuple[set[Any], set[Any], list[bytes]]:
    """Replace; give who got hold of it meanwhile, who may in the end, and what they read."""
    with closing(Watcher(folder)) as watcher:
        with masked(case.umask), watcher:
            MACHINE.replace_file(
                Path(folder / "a"),
                SECRET,
                mode=case.mode,
                uid=OWNER,
                gid=GROUP,
                attributes=case.given,
            )
        return set(watcher.opened), watcher.who_can("a"), watcher.read()


@settings(max_examples=150, deadline=None)
@given(CASES)
def check_case(folder: pathlib.Path, case: Case) -> None:
    """Replace as in a case, and compare."""
    prepare(folder, case)
    met, may, read = watch(folder, case)
    found = entry(folder / "a")
    assert (case.mode, OWNER, GROUP) == (found.mode, found.uid, found.gid)
    assert expected(folder, case) == found.attributes
    assert met <= may
    assert {SECRET} >= set(read)
    assert len(read) == len([way for _, way in met if way == "read"])


def test_any_file_is_as_declared_and_never_more_open(folder: pathlib.Path) -> None:
    """Whoever opens the temporary file, at whatever step, may open the file in the end.

    Mode and list are what the kernel makes of the same by chmod, whatever the umask, the file
    that goes and what the folder hands down.
    """
    check_case(folder)


SHUT = Case(mode=0o600, given={ACL: acl(0o640, named=4, mask=4, user=NAMED)}, old=None,
            handed_down=None, umask=0)  # fmt: skip


def test_a_secret_is_read_by_nobody_who_may_not(folder: pathlib.Path) -> None:
    """Its mode closes it, though the list would let someone in."""
    met, may, read = watch(folder, SHUT)
    assert (set(), set(), []) == (met, may, read)


def test_whom_the_list_names_may_read(folder: pathlib.Path) -> None:
    """The watcher is at the right door: here somebody gets in, and is let in."""
    met, may, read = watch(folder, attrs.evolve(SHUT, mode=0o640))
    assert {(who.uid, way) for who, way in met} >= {(NAMED, "read")}
    assert met <= may
    assert SECRET in read


@pytest.mark.parametrize("fault", ["created open", "list set too wide"])
def test_the_watcher_sees_what_is_open_for_a_moment(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Two ways to get it wrong: in the end the file is shut, but somebody has it."""
    call = os.open

    def create(path: Any, flags: int, *_: int, **more: Any) -> int:
        return call(path, flags, 0o666, **more)

    if fault == "created open":
        monkeypatch.setattr(os, "open", create)
    else:
        monkeypatch.setattr(extended, "fitted", lambda given, _: given)
    met, may, read = watch(folder, SHUT)
    assert may == set()
    assert met
    assert SECRET in read


def test_what_was_there_can_be_restored_exactly(folder: pathlib.Path) -> None:
    """Content, owner, mode, list and attributes, after a replacement or a removal."""
    path = folder / "a"
    given = {ACL: acl(0o750, named=4, mask=6), "user.note": b"1", "trusted.note": b"2"}
    plant(path, 0o2764, given)
    path.write_bytes(b"old\n")
    os.chown(path, OWNER, GROUP)
    path.chmod(0o2764)
    before = picture(folder)
    state, kept = MACHINE.stat_file(Path(path)), MACHINE.read_attributes(Path(path))
    assert state is not None
    for other in (None, {"user.other": b"3"}):
        path.unlink()
        if other is not None:
            plant(path, 0o777, other)
        MACHINE.replace_file(
            Path(path), b"old\n", mode=state.mode, uid=state.uid, gid=state.gid, attributes=kept
        )
        assert before == picture(folder)


def refuse_attribute(patch: pytest.MonkeyPatch, key: str, number: int) -> None:
    """Let one attribute be refused."""
    call = os.setxattr

    def setxattr(file: int, name: str, value: bytes) -> None:
        if name == key:
            raise OSError(number, os.strerror(number))
        call(file, name, value)

    patch.setattr(os, "setxattr", setxattr)


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EPERM, errno.ENOSPC, errno.EINVAL])
def test_a_list_that_cannot_be_kept_is_an_error(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Without it the owning group might read what it must not."""
    plant(folder / "a", 0o640, {ACL: acl(0o600, named=4, mask=4)})
    before = picture(folder)
    refuse_attribute(monkeypatch, ACL, number)
    with pytest.raises(MachineError, match="access control list cannot be set") as caught:
        MACHINE.replace_file(Path(folder / "a"), SECRET, mode=0o640, uid=0, gid=0)
    assert caught.value.where == str(folder / "a")
    assert before == picture(folder)


@pytest.mark.parametrize(
    ("key", "number", "passes"),
    [
        ("user.note", errno.ENOTSUP, True),
        ("user.note", errno.ENOSPC, False),
        ("security.label", errno.EPERM, True),
        ("security.label", errno.ENOTSUP, True),
    ],
)
def test_other_attributes_are_passed_over_where_there_are_none(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, key: str, number: int, passes: bool
) -> None:
    """Labels are the kernel's to give; a full disk is an error."""
    plant(folder / "a", 0o640, {"user.kept": b"x", key: b"y"})
    refuse_attribute(monkeypatch, key, number)
    if passes:
        MACHINE.replace_file(Path(folder / "a"), SECRET, mode=0o640, uid=0, gid=0)
        assert (("user.kept", b"x"),) == attributes(folder / "a")
    else:
        with pytest.raises(MachineError, match="no space left"):
            MACHINE.replace_file(Path(folder / "a"), SECRET, mode=0o640, uid=0, gid=0)


def test_a_file_system_without_attributes_is_told_from_one_that_loses_them(
    tmp_path: pathlib.Path,
) -> None:
    """There is nothing to keep; a list to be restored there is refused."""
    with mounted(tmp_path / "plain", "-t", "ramfs", "none") as place:
        path = Path(place / "a")
        for given in (None, {}, {"user.note": b"x"}):
            MACHINE.replace_file(path, SECRET, mode=0o640, uid=0, gid=0, attributes=given)
            assert {} == MACHINE.read_attributes(path)
        given = {ACL: acl(0o640, named=4, mask=4)}
        with pytest.raises(MachineError, match="access control list cannot be set"):
            MACHINE.replace_file(path, b"x", mode=0o640, uid=0, gid=0, attributes=given)
        assert SECRET == MACHINE.read_file(path)
        assert ["a"] == [item.name for item in place.iterdir()]
