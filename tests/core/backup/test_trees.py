"""Mail: added where it is missing, and never replaced, removed or doubled."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailstead.backup.declared import Declared
from mailstead.backup.flow import Feed
from mailstead.backup.headers import END, Header
from mailstead.backup.members import read_tree
from mailstead.backup.trees import Tally, TreeRestorer, tree_pieces, walk
from mailstead.errors import ArchiveError, MachineError
from mailstead.instance import Instance
from mailstead.machine.fake import FakeMachine
from mailstead.machine.values import Path
from mailstead.module import Backup
from tests.core.backup.crafted import member, tar_names
from tests.core.backup.site import IDS, Site, put

ADA = "ada@example.org"
TREE = "/srv/mail"
INSTANCE = Instance(prefix=Path("/"))
TREES = {TREE: Declared("mail", Backup(TREE, "tree", optional="mail"))}
PART = st.text("ab.-,:;\u00e9\udc80", min_size=1, max_size=3)
NAME = PART.filter(lambda name: name not in (".", ".."))
FILES = st.dictionaries(
    st.lists(NAME, min_size=1, max_size=3).map("/".join), st.binary(), max_size=9
)


def machine_with(files: dict[str, bytes]) -> FakeMachine:
    """Give a machine with files in the tree."""
    machine = FakeMachine()
    machine.add_directory(TREE, mode=0o700)
    for name, content in files.items():
        machine.add_file(f"{TREE}/{name}", content, mode=0o600, modified=5.0)
    return machine


def packed_tree(machine: FakeMachine) -> tuple[bytes, Tally]:
    """Give the tree as a tar."""
    tally = Tally()
    return b"".join(tree_pieces(machine, INSTANCE, TREES, tally)), tally


def restored(machine: FakeMachine, tar: bytes, files: int) -> TreeRestorer:
    """Restore a tar."""
    restorer = TreeRestorer(machine, INSTANCE, TREES)
    feed = Feed(read_tree(files, restorer.take))
    feed.write(tar)
    assert feed.result() == files
    return restorer


def files_of(machine: FakeMachine) -> dict[str, bytes]:
    """Give the tree's files."""
    return {str(path): machine.tree.read(path, 1 << 20) for path in machine.tree.under(Path(TREE))}


@settings(deadline=None)
@given(there=FILES, here=FILES)
def test_what_is_there_stays_and_what_is_missing_comes(
    there: dict[str, bytes], here: dict[str, bytes]
) -> None:
    """For any two trees whose names do not clash as file and folder."""
    names = {*there, *here}
    folders = {"/".join(n.split("/")[:k]) for n in names for k in range(1, n.count("/") + 1)}
    if names & folders:
        return
    source, target = machine_with(there), machine_with(here)
    tar, tally = packed_tree(source)
    restorer = restored(target, tar, tally.files)
    both = {f"{TREE}/{name}": content for name, content in {**there, **here}.items()}
    assert files_of(target) == both
    assert restorer.result.added == len(both) - len(here)
    assert restored(target, tar, tally.files).result.added == 0


def test_the_order_is_that_of_parts() -> None:
    """So that a reader sees at once when a name comes twice."""
    names = {"a/z": b"", "a-b": b"", "a.b/x": b"", "a/b/c": b"", "a": b""}
    machine = machine_with({k: v for k, v in names.items() if k != "a"})
    found = [name for name, _ in walk(machine, Path(TREE))]
    assert found == sorted(found, key=lambda name: name.split("/"))
    tar, _ = packed_tree(machine)
    assert tar_names(tar) == [f"srv/mail/{name}" for name in found]


def test_a_file_that_goes_away_was_not_there() -> None:
    """Another program deletes mail while it is read."""
    machine = machine_with({"a": b"one", "b": b"two"})
    machine.fail("read_stream", FileNotFoundError(2, "No such file"))
    tar, tally = packed_tree(machine)
    assert (tar_names(tar), tally.files) == (["srv/mail/b"], 1)


def test_a_file_that_cannot_be_read_stops_the_backup() -> None:
    """A bad disk is not passed over."""
    machine = machine_with({"a": b"one"})
    machine.fail("read_stream", OSError(5, "Input/output error"))
    with pytest.raises(MachineError, match="input/output error"):
        packed_tree(machine)


def test_links_are_told_and_not_followed() -> None:
    """Also one that leads to a folder."""
    machine = machine_with({"a": b"one"})
    machine.add_link(f"{TREE}/link", "/etc")
    tar, tally = packed_tree(machine)
    assert tally.passed_over == [f"{TREE}/link"]
    assert tar_names(tar) == ["srv/mail/a"]


def test_folders_without_end_are_an_error() -> None:
    """Before the stack is."""
    machine = machine_with({"/".join("a" * 150): b""})
    with pytest.raises(MachineError, match="nested too deep"):
        packed_tree(machine)


@pytest.mark.parametrize(
    "header",
    [Header("etc/shadow", 1), Header("srv/mail", 1), Header("srv/mailx/a", 1), Header("srv", 1)],
)
def test_what_is_below_no_declared_tree_is_left_out(header: Header) -> None:
    """It is counted, and nothing is written."""
    machine = machine_with({})
    before = set(machine.tree.nodes)
    restorer = restored(machine, member(header, b"x") + END, 1)
    assert restorer.result.left_out == 1
    assert set(machine.tree.nodes) == before


def test_an_owner_that_is_not_here_stops() -> None:
    """Mail is never given to somebody else."""
    header = Header("srv/mail/a", 1, owner="nobody-has-this-name")
    with pytest.raises(ArchiveError, match="the system has no owner nobody-has"):
        restored(machine_with({}), member(header, b"x") + END, 1)


def test_a_file_where_a_folder_belongs_stops() -> None:
    """It is not replaced."""
    machine = machine_with({"a": b"mine"})
    tar = member(Header("srv/mail/a", kind="folder")) + END
    with pytest.raises(MachineError, match="not a folder"):
        restored(machine, tar, 1)
    assert files_of(machine) == {f"{TREE}/a": b"mine"}


@pytest.mark.usefixtures("quick_keys")
def test_mailboxes_come_back_on_another_machine(site: Site, make_site: Callable[..., Site]) -> None:
    """With owner, rights and date, which is what a client shows; empty folders too."""
    site.deliver(ADA, "cur/1700000001.M1.mail:2,S", b"first")
    site.deliver(ADA, "new/1700000002.M2.mail", b"second")
    (site.home(ADA) / "Maildir/.Archive").mkdir()
    os.chown(site.home(ADA) / "Maildir/.Archive", *IDS["vmail"])
    made = site.backup(mail=True)
    other = make_site(port_offset=12000)
    assert other.restore(made.path, mail=True).outcome == "committed"
    box = other.home(ADA) / "Maildir"
    first = box / "cur/1700000001.M1.mail:2,S"
    state = first.stat()
    assert (first.read_bytes(), state.st_mode & 0o777, state.st_mtime) == (
        b"first", 0o600, 1_700_000_000.0,
    )  # fmt: skip
    for path in (first, box, box / ".Archive", other.home(ADA)):
        assert (path.stat().st_uid, path.stat().st_gid) == IDS["vmail"]
    assert (box / "new/1700000002.M2.mail").read_bytes() == b"second"


@pytest.mark.usefixtures("quick_keys")
def test_messages_are_neither_doubled_nor_replaced(site: Site) -> None:
    """One was read, one was deleted, one came since, one is another by the same name."""
    site.deliver(ADA, "new/1.a", b"unread")
    gone = site.deliver(ADA, "cur/2.b:2,S", b"gone")
    site.deliver(ADA, "dovecot-uidlist", b"3 V1")
    made = site.backup(mail=True)
    box = site.home(ADA) / "Maildir"
    (box / "cur/1.a:2,RS").write_bytes((box / "new/1.a").read_bytes())
    (box / "new/1.a").unlink()
    gone.unlink()
    put(box / "new/3.c", b"later")
    put(box / "dovecot-uidlist", b"3 V1 N9")
    site.restore(made.path, mail=True)
    assert {str(p.relative_to(box)): p.read_bytes() for p in mail_of(box)} == {
        "cur/1.a:2,RS": b"unread",
        "cur/2.b:2,S": b"gone",
        "new/3.c": b"later",
        "dovecot-uidlist": b"3 V1 N9",
    }


@pytest.mark.usefixtures("quick_keys")
def test_a_link_that_the_mail_user_planted_leads_nowhere(site: Site) -> None:
    """Root writes where it was asked to, or not at all."""
    site.deliver(ADA, "cur/2.b:2,S", b"mail")
    made = site.backup(mail=True)
    box = site.home(ADA) / "Maildir"
    (box / "cur/2.b:2,S").unlink()
    (box / "cur").rmdir()
    target = site.path("/target")
    target.mkdir()
    (box / "cur").symlink_to(target)
    os.lchown(box / "cur", *IDS["vmail"])
    with pytest.raises(MachineError):
        site.restore(made.path, mail=True)
    assert list(target.iterdir()) == []


def mail_of(box: pathlib.Path) -> list[pathlib.Path]:
    """Give the files of a mailbox."""
    return [path for path in box.rglob("*") if path.is_file()]
