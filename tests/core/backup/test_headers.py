"""Headers of members: what is written is read again, by us and by tar; the rest is refused."""

from __future__ import annotations

import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.backup.flow import pull
from mailstead.backup.headers import END, Header, header_bytes, read_header
from mailstead.errors import ArchiveError
from tests.core.backup.crafted import foreign, member, tar_names
from tests.core.damage import FLIPS, Damage

PART = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1,
               max_size=60).filter(lambda part: part not in (".", ".."))  # fmt: skip
NAMES = st.lists(PART, min_size=1, max_size=8).map("/".join)


def read(content: bytes) -> Header | None:
    """Read one header."""
    rest = [content]

    def take(size: int) -> bytes:
        taken, rest[0] = rest[0][:size], rest[0][size:]
        return taken

    return pull(read_header(), take)


@given(
    name=NAMES,
    size=st.integers(0, 1 << 35),
    mode=st.integers(0, 0o777),
    modified=st.integers(0, 1 << 34),
    kind=st.sampled_from(["file", "folder"]),
)
def test_what_is_written_is_read(name: str, size: int, mode: int, modified: int, kind: str) -> None:
    """Also long names and large files."""
    header = Header(name, size if kind == "file" else 0, kind, mode, modified, "vmail", "mail")  # type: ignore[arg-type]
    assert read(header_bytes(header)) == header


def test_names_that_are_no_utf8_survive() -> None:
    """A mailbox may have such files."""
    name = b"cur/\xff\xfe".decode("utf-8", "surrogateescape")
    assert read(header_bytes(Header(name))) == Header(name)


def test_tar_reads_it() -> None:
    """An admin needs no Mailstead to look inside."""
    long = "a/" * 100 + "b" * 200
    assert [long, "c"] == tar_names(member(Header(long, 1), b"x") + member(Header("c")) + END)


def test_the_end_mark_is_two_empty_blocks() -> None:
    """One alone is damage."""
    assert read(END) is None
    with pytest.raises(ArchiveError, match="end mark"):
        read(bytes(512) + b"x" * 512)


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "a/../b", "..", "./a", "a//b", "a/", "a/.", "x" * 256, "\u00e4" * 128, ""],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    """By name; nothing is cleaned up silently."""
    with pytest.raises(ArchiveError):
        read(foreign(name, tarfile.REGTYPE))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "pipe"),
        (tarfile.GNUTYPE_SPARSE, "unknown kind"),
        (tarfile.XHDTYPE, "unknown kind"),
        (tarfile.XGLTYPE, "unknown kind"),
        (tarfile.GNUTYPE_LONGLINK, "unknown kind"),
        (tarfile.CONTTYPE, "unknown kind"),
        (tarfile.AREGTYPE, "unknown kind"),
        (b"Z", "unknown kind"),
    ],
)
def test_only_files_and_folders_are_taken(kind: bytes, words: str) -> None:
    """The error names the member and what it is."""
    with pytest.raises(ArchiveError, match=rf"^evil: it is .*{words}"):
        read(foreign("evil", kind))


@pytest.mark.parametrize(
    "fields",
    [{"mode": 0o4755}, {"mode": 0o1777}, {"mtime": -1}, {"mtime": 1 << 41}, {"size": 1 << 37},
     {"size": -5}, {"linkname": "x"}],
)  # fmt: skip
def test_a_header_that_no_backup_has_is_refused(fields: dict[str, object]) -> None:
    """Special bits, impossible dates and sizes, a file that also links."""
    with pytest.raises(ArchiveError):
        read(foreign("evil", tarfile.REGTYPE, **fields))


def test_a_folder_with_content_is_refused() -> None:
    """Its size would be skipped by some readers and read by others."""
    with pytest.raises(ArchiveError, match="contradicts"):
        read(foreign("evil", tarfile.DIRTYPE, size=512))


def test_an_endless_name_is_refused() -> None:
    """Before it is read."""
    with pytest.raises(ArchiveError, match="bytes of the name"):
        read(foreign("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=1 << 30))


def test_a_name_after_a_name_is_refused() -> None:
    """Only one header has a long name."""
    once = foreign("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=2) + b"a\0" + bytes(510)
    with pytest.raises(ArchiveError):
        read(once * 2 + header_bytes(Header("b")))


@given(content=st.binary(max_size=2048))
def test_noise_is_refused(content: bytes) -> None:
    """Whatever comes, the only error is ours."""
    try:
        found = read(content)
    except ArchiveError:
        return
    assert found is None


@given(name=NAMES, damage=FLIPS)
def test_a_changed_header_is_another_or_refused(name: str, damage: Damage) -> None:
    """A flipped byte never gives a name that leads elsewhere."""
    try:
        found = read(damage.done_to(header_bytes(Header(name, 5))))
    except ArchiveError:
        return
    assert found is not None
    assert ".." not in found.name.split("/")
    assert not found.name.startswith("/")
