"""What is refused before anything is unpacked. Nothing is ever written by looking."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mailstead.backup import archive as archives
from mailstead.backup import contents, limits, manifest
from mailstead.backup.archive import opened
from mailstead.backup.headers import END, Header
from mailstead.backup.seal import Key
from mailstead.errors import ArchiveError, InvalidInput, MailsteadError, NotFound
from mailstead.machine.fake import FakeMachine
from tests.core.backup.crafted import (
    GOOD,
    MADE,
    PATH,
    Crafted,
    foreign,
    item,
    member,
    outer,
    outer_with,
    settings_tar,
    verify,
)
from tests.core.damage import DAMAGE, Damage

SEALER = Key.make()
MAIL = b"".join(
    member(Header(name, len(content)), content)
    for name, content in (("var/vmail/a", b"one"), ("var/vmail/b", b"two"))
)
SEALED = Crafted(key=SEALER, mail=MAIL + END, mail_files=2)


@pytest.fixture(autouse=True)
def _quick(quick_keys: None) -> None:
    """Use keys that are quick to lock."""


def refused(content: bytes, words: str, key: Key | None = None) -> None:
    """Expect a refusal that names the file and says these words."""
    with pytest.raises(ArchiveError, match=words) as caught:
        verify(content, key)
    assert caught.value.where.startswith(str(PATH))


def index_with(**changes: Any) -> bytes:
    """Give a settings tar whose index differs in its last item."""
    raw = json.loads(contents.dump(contents.Index(tuple(item(*pair) for pair in GOOD))))
    raw["items"][-1].update(changes)
    return settings_tar(GOOD, json.dumps(raw).encode())


def test_good_archives_are_taken() -> None:
    """With and without secrets and mail; the index tells what is in it."""
    for crafted in (Crafted(), Crafted(key=SEALER), SEALED):
        index = verify(crafted.archive(), crafted.key)
        assert [name for name, _ in GOOD] == [found.name for found in index.items]


def test_the_passphrase_gives_the_key() -> None:
    """Without one, or with another, nothing is opened."""
    machine = FakeMachine()
    machine.add_file(PATH, SEALED.archive())
    with opened(machine, PATH) as archive:
        archive.verify(archive.require_key("correct horse"))
        with pytest.raises(InvalidInput, match="passphrase is needed"):
            archive.require_key(None)
        with pytest.raises(ArchiveError, match=r"backup\.tar: key\.age: the passphrase is wrong"):
            archive.require_key("another horse")


def test_no_file_is_said_to_be_none() -> None:
    """With the way to find one."""
    with pytest.raises(NotFound, match="backup list"), opened(FakeMachine(), PATH):
        pass


def test_a_newer_format_is_refused_with_a_hint() -> None:
    """Before anything else of it is read."""
    content = json.dumps({"format": 2, "mailstead": "9.1", "parts": "whatever"}).encode()
    refused(outer_with(content, []), r"format 2 is not known here \(use Mailstead 9\.1 or newer\)")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([], "empty"),
        ([member(Header("/etc/passwd"))], "absolute"),
        ([member(Header("../x"))], "elsewhere"),
        ([member(Header("x"))], "no backup has such a member"),
        ([member(Header("key.age", kind="folder"))], "no backup has such a member"),
        ([foreign("key.age", tarfile.SYMTYPE, linkname="/etc/shadow")], "symbolic link"),
        ([foreign("key.age", tarfile.LNKTYPE, linkname="/etc/shadow")], "hard link"),
        ([member(Header("key.age"))] * 6, "members: 6 is more than 5"),
        ([member(Header("key.age", 1 << 20))], "cut off"),
        ([member(Header("key.age"))], "manifest is not its last"),
    ],
)  # fmt: skip
def test_an_outer_member_that_no_backup_has_is_refused(members: list[bytes], words: str) -> None:
    """By name, and without reading its content."""
    refused(b"".join(members) + END, words)


def test_members_are_those_that_are_declared() -> None:
    """None is missing, added, twice, renamed or of another size."""
    (part,) = Crafted().parts()
    name, content, files, unpacked = part
    for parts in ([], [part, part], [("key.age", content, files, unpacked)]):
        refused(outer(MADE, parts), "no backup has the parts|not those it declares")
    larger = (name, content + b"x", files, unpacked)
    declared = Crafted().archive()
    at = declared.index(b'{\n "format"')
    text = declared[at : declared.index(b"\n}\n", at) + 3]
    refused(outer_with(text, [larger]), "not those it declares")
    refused(outer_with(text, [part, part]), "not those it declares")


@pytest.mark.parametrize(
    "change",
    [{"format": "1"}, {"format": True}, {"mailstead": None}, {"host": 5}, {"host": "x" * 256},
     {"made": "yesterday"}, {"revision": -1}, {"revision": 1.5}, {"parts": {}}, {"parts": [1]},
     {"parts": [{}] * 9}, {"sha256": "0" * 64}, {"sha256": "x"}, {"more": 1}],
)  # fmt: skip
def test_a_manifest_that_is_not_ours_is_refused(change: dict[str, Any]) -> None:
    """Each field is looked at, and the digest covers them all."""
    part = Crafted().parts()
    declared = Crafted().archive()
    at = declared.index(b'{\n "format"')
    raw = json.loads(declared[at : declared.index(b"\n}\n", at) + 3])
    refused(outer_with(json.dumps({**raw, **change}, indent=1).encode() + b"\n", part), "manifest")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"null", b"[" * 60_000, b'{"format": NaN}', b"\xff", b"1" * 5000,
     b'{"format": 1e999}', b"{" + b" " * (64 << 10) + b"}"],
)  # fmt: skip
def test_a_manifest_that_is_no_object_is_refused(content: bytes) -> None:
    """Deep, long and odd ones too."""
    refused(outer_with(content, Crafted().parts()), "manifest")


def test_a_bomb_is_refused_by_what_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a byte of it is unpacked; what declares less is stopped at that."""
    bomb = settings_tar([(contents.STORE, bytes(300_000))])
    crafted = Crafted(bomb, 2)
    monkeypatch.setattr(limits, "RATIO_FREE_BYTES", 1000)
    refused(crafted.archive(), r"settings\.tar\.gz: it would unpack to far more")
    monkeypatch.undo()
    ((name, stored, files, _),) = crafted.parts()
    refused(outer(MADE, [(name, stored, files, 5000)]), "more than it declares")
    refused(outer(MADE, [(name, stored, files, 400_000)]), "cut off")


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [("FILES", 2, "files: 4 is more"), ("TOTAL_BYTES", 100, "bytes.*is more")],
)
def test_what_declares_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, words: str
) -> None:
    """Each limit holds for what the manifest says."""
    monkeypatch.setattr(manifest, limit, value)
    refused(Crafted().archive(), words)


@pytest.mark.parametrize(
    ("module", "limit", "value"),
    [(contents, "ITEMS", 2), (contents, "FILE_BYTES", 100), (contents, "TOTAL_BYTES", 100)],
)
def test_what_the_index_says_is_limited(
    monkeypatch: pytest.MonkeyPatch, module: Any, limit: str, value: int
) -> None:
    """Members, bytes of each and bytes of all."""
    monkeypatch.setattr(module, limit, value)
    refused(Crafted().archive(), "is more than")


GOOD_INDEX = contents.dump(contents.Index(tuple(item(*pair) for pair in GOOD)))


@pytest.mark.parametrize(
    ("tar", "words"),
    [
        (settings_tar(GOOD[:2], GOOD_INDEX), "missing"),
        (settings_tar([*GOOD, ("file/x", b"")], GOOD_INDEX), "file/x: it is not in the index"),
        (settings_tar([GOOD[1], GOOD[0], GOOD[2]], GOOD_INDEX), "in its place"),
        (settings_tar([GOOD[0], GOOD[0], GOOD[2]], GOOD_INDEX), "in its place"),
        (settings_tar([GOOD[0], ("sqlite/var/lib/a.db", b"rows"), GOOD[2]], GOOD_INDEX), "in its"),
        (settings_tar([GOOD[0], ("sqlite/var/lib/a.db", b"ROWS" * 200), GOOD[2]], GOOD_INDEX),
         "sqlite/var/lib/a.db: it is damaged: its digest"),
        (member(Header("x")) + END, "index is not its first"),
        (END, "index is not its first"),
        (settings_tar(GOOD) + b"x", "follows the end mark"),
        (settings_tar(GOOD)[:-1024], "cut off"),
        (b"", "cut off"),
        (b"noise" * 1000, "damaged"),
        (index_with(path="/etc/shadow"), "does not belong"),
        (index_with(path="etc/x", name="fileetc/x"), "does not belong"),
        (index_with(path="/../x", name="file/../x"), "elsewhere"),
        (index_with(name=GOOD[0][0], path=""), "does not belong"),
        (index_with(name=GOOD[1][0], path="/var/lib/a.db", kind="sqlite"), "twice"),
        (index_with(kind="hook"), "kind 'hook' is not known"),
        (index_with(kind="settings"), "does not belong"),
        (index_with(mode=0o4755), "more than rights"),
        (index_with(size=-1), "size is -1"),
        (index_with(size="1"), "no int 'size'"),
        (index_with(sha256="0"), "no digest"),
        (index_with(owner=None), "no str 'owner'"),
        (settings_tar(GOOD, b'{"items": [], "left_out": []}'), "no settings"),
        (settings_tar(GOOD, b"[]"), "no object"),
        (settings_tar(GOOD, GOOD_INDEX.replace(b'"left_out": []', b'"left_out": [["a"]]')),
         "no place"),
        (settings_tar(GOOD, GOOD_INDEX.replace(b'"left_out": []', b'"left_out": [[1, 2, 3]]')),
         "no place"),
        (settings_tar(GOOD, GOOD_INDEX.replace(b'"left_out": []', b'"left_out": 5')), "no list"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", [None, SEALER], ids=["plain", "sealed"])
def test_a_settings_part_that_is_not_ours_is_refused(
    tar: bytes, words: str, key: Key | None
) -> None:
    """By member, whoever made it and whatever digests it has."""
    refused(Crafted(tar, key=key).archive(), words, key)


def test_the_number_of_members_is_as_declared() -> None:
    """In both kinds of parts."""
    refused(Crafted(files=3).archive(), "4 members, 3 are declared")
    refused(attrs.evolve(SEALED, mail_files=1).archive(), "members: 2 is more than 1", SEALER)
    refused(attrs.evolve(SEALED, mail_files=3).archive(), "2 members, 3 are declared", SEALER)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (member(Header("var/x")) * 2, "twice"),
        (member(Header("var/b")) + member(Header("var/a")), "out of order"),
        (member(Header("../x")) * 2, "elsewhere"),
        (member(Header("x")) + foreign("y", tarfile.SYMTYPE, linkname="/etc"), "symbolic link"),
        (member(Header("x")) + foreign("y", tarfile.REGTYPE, mode=0o4755), "more than rights"),
    ],
)
def test_a_tree_that_is_not_ours_is_refused(tree: bytes, words: str) -> None:
    """No name comes twice, whatever it is."""
    refused(attrs.evolve(SEALED, mail=tree + END).archive(), words, SEALER)


@pytest.mark.parametrize("crafted", [Crafted(), SEALED], ids=["plain", "sealed"])
@settings(max_examples=300, deadline=None)
@given(damage=DAMAGE)
def test_a_flipped_or_missing_byte_is_always_seen(crafted: Crafted, damage: Damage) -> None:
    """With the digests alone, so also without the passphrase."""
    content = damage.done_to(STORED[crafted.key is None])
    assume(content != STORED[crafted.key is None])
    machine = FakeMachine()
    machine.add_file(PATH, content)
    try:
        with opened(machine, PATH) as archive:
            archive.verify_digests()
    except ArchiveError:
        pass
    else:
        # Several flips can keep the sum of a header, in fields of it that nobody reads.
        assert _read_fields(content) == _read_fields(STORED[crafted.key is None])
    assert {name for name, _ in machine.calls} == {"read_stream"}


STORED: dict[bool, bytes] = {}


@pytest.fixture(autouse=True, scope="module")
def _stored() -> None:
    """Make both archives once."""
    sealed = SEALED.parts_with(b"locked")
    STORED.update({True: Crafted().archive(), False: outer(MADE, sealed)})


def _read_fields(content: bytes) -> list[tuple[str, int, bytes]]:
    """Give names, sizes and contents."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        found = [(item, tar.extractfile(item)) for item in tar.getmembers()]
        return [(item.name, item.size, file.read() if file else b"") for item, file in found]


@settings(max_examples=200, deadline=None)
@given(damage=DAMAGE, sealed=st.booleans())
def test_damage_under_good_digests_is_refused_or_harmless(damage: Damage, sealed: bool) -> None:
    """A forger who makes the digests fit gets no other error than ours either."""
    cut = damage.done_to(settings_tar(GOOD))
    key = SEALER if sealed else None
    try:
        index = verify(outer(MADE, Crafted(cut, key=key).parts_with(b"locked")), key)
    except MailsteadError as error:
        assert isinstance(error, ArchiveError)
    else:
        assert len(index.items) == len(GOOD)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=4000))
def test_noise_is_no_archive(content: bytes) -> None:
    """Whatever it is."""
    with pytest.raises(ArchiveError):
        verify(content)


def test_only_known_members_are_in_the_list_of_names() -> None:
    """The outer form has five names, none of which leads anywhere."""
    assert all("/" not in name for name in archives._NAMES)
