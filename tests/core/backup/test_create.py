"""Making a backup: what is in it, that nobody else reads it, and what a failure leaves."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext

import pytest

from mailstead.backup import limits
from mailstead.backup.archive import Archive, opened
from mailstead.backup.contents import Index
from mailstead.backup.create import Made
from mailstead.backup.flow import Nothing
from mailstead.backup.headers import Header
from mailstead.backup.opening import OpenedArchive
from mailstead.errors import AlreadyExists, InvalidInput, Locked, MachineError
from mailstead.machine import streams
from mailstead.machine.values import Path
from mailstead.registry import Registry
from mailstead_users.opening import open_directory
from tests.core.backup.site import WORDS, Site

pytestmark = pytest.mark.usefixtures("quick_keys")
SECRET = "t0p-secret-t0ken"


def paths(index: Index, kind: str) -> list[str]:
    """Give the paths of a kind."""
    return [item.path for item in index.items if item.kind == kind]


@contextmanager
def inside(site: Site, made: Made, passphrase: str | None = WORDS) -> Iterator[OpenedArchive]:
    """Look inside."""
    with site.opened(made.path, passphrase) as found:
        yield found


def read(archive: Archive, passphrase: str = WORDS) -> Index:
    """Read everything."""
    return archive.verify(archive.require_key(passphrase))


def test_everything_that_cannot_be_made_again_is_in_it(site: Site) -> None:
    """Settings, both databases, the key, and the admin's own files with their rights."""
    site.write("/etc/mailstead/notes/main.cf", b"mine\n")
    site.write("/etc/mailstead/hooks/post-save.d/tell", b"#!/bin/sh\n", 0o755)
    site.set_form("network.host", hostname="unsaved")
    made = site.backup()
    with inside(site, made) as found:
        index = found.index
    assert paths(index, "sqlite") == [
        "/var/lib/mailstead/directory/directory.db", "/var/lib/mailstead/lookup/mail.db",
    ]  # fmt: skip
    assert paths(index, "file") == [
        "/etc/mailstead/tls/mail.pem", "/etc/mailstead/hooks/post-save.d/tell",
        "/etc/mailstead/notes/main.cf",
    ]  # fmt: skip
    assert [item.mode for item in index.of("file")] == [0o600, 0o755, 0o644]
    assert (made.manifest.revision, made.manifest.has_secrets) == (2, True)
    assert not made.manifest.has_mail


def test_settings_are_whole_with_draft_and_history(site: Site) -> None:
    """A copy of the store, as it is."""
    site.set_form("network.host", hostname="unsaved")
    with (
        inside(site, site.backup()) as found,
        closing(sqlite3.connect(found.images["settings.db"])) as copy,
    ):
        assert copy.execute("SELECT value FROM draft WHERE field='hostname'").fetchall() == [
            ('"unsaved"',)
        ]
        assert copy.execute("SELECT count(*) FROM revisions").fetchone() == (2,)
        assert copy.execute("SELECT count(*) FROM consents").fetchone()[0] > 3


def test_the_file_is_private_and_has_our_name(site: Site) -> None:
    """In a folder for root alone; nothing else is left anywhere."""
    before = site.files()
    made = site.backup()
    state = pathlib.Path(made.path).stat()
    assert made.path.name.startswith("mailstead-2-20")
    assert (state.st_mode & 0o777, state.st_size) == (0o600, made.size)
    assert pathlib.Path(made.path).parent.stat().st_mode & 0o777 == 0o700
    assert site.backup_names() == [made.path.name]
    assert site.files() == before


def test_it_is_private_from_the_first_byte(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under its temporary name as well, whatever the umask."""
    modes: list[int] = []
    write = streams.FileWriter.rewrite

    def look(self: streams.FileWriter, offset: int, data: bytes) -> None:
        modes.append(os.fstat(self._file).st_mode & 0o777)
        write(self, offset, data)

    monkeypatch.setattr(streams.FileWriter, "rewrite", look)
    before = os.umask(0)
    try:
        site.backup()
    finally:
        os.umask(before)
    assert {0o600} == set(modes)


def test_nothing_of_it_can_be_read_without_the_passphrase(site: Site) -> None:
    """Neither names nor hashes nor keys; the manifest tells no more than what it is."""
    content = pathlib.Path(site.backup().path).read_bytes()
    for word in (
        b"ada@example",
        b"example.org",
        b"ARGON2",
        b"PRIVATE KEY",
        b"SQLite format",
        b"hostname",
    ):
        assert word not in content
    assert b'"revision": 2' in content


def test_a_copy_is_taken_while_the_directory_is_read(site: Site) -> None:
    """Whoever has it open; its files stay as they are."""
    before = sorted(path.name for path in site.path("/var/lib/mailstead/directory").iterdir())
    with open_directory(site.engine.context("running")) as directory, directory.read():
        made = site.backup()
    with inside(site, made) as found:
        image = found.images["sqlite/var/lib/mailstead/directory/directory.db"]
        assert site.engine.machine.inspect_database(image, ["users"]).rows == {"users": 2}
    assert before == sorted(
        path.name for path in site.path("/var/lib/mailstead/directory").iterdir()
    )


def test_a_weak_passphrase_makes_nothing(site: Site) -> None:
    """Nor does a save under way, or a backup."""
    for words in ("", "short"):
        with pytest.raises(InvalidInput, match="fewer than 8"):
            site.backup(passphrase=words)
    for lock in ("lock", "backup.lock"):
        with site.engine.machine.lock(site.engine.instance.state_path(lock)), pytest.raises(Locked):
            site.backup()
    assert not site.path("/var/backups").exists()
    assert not site.path("/var/lib/mailstead/backup").exists()


def test_what_exists_is_not_replaced(site: Site) -> None:
    """Whoever made it."""
    site.write("/root.tar", b"mine")
    with pytest.raises(AlreadyExists):
        site.backup("/root.tar")
    assert site.path("/root.tar").read_bytes() == b"mine"


@pytest.mark.parametrize("call", ["pwrite", "fsync", "rename"])
def test_a_full_disk_leaves_nothing(site: Site, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Neither a part of the archive nor a copy of the databases."""
    before = site.files()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(MachineError, match="no space left"):
        site.backup("/x.tar")
    monkeypatch.undo()
    assert site.files() == before
    assert not list(site.path("/var/lib/mailstead").glob("backup/*"))


def test_what_a_killed_backup_left_is_swept(site: Site) -> None:
    """Copies in the private folder, and the unfinished file."""
    site.write("/var/lib/mailstead/backup/0.db", b"copy", 0o600)
    left = ".mailstead-1-20260101T000000Z.tar.mailstead-0123456789abcdef"
    site.write(f"/var/backups/mailstead/{left}", b"part", 0o600)
    made = site.backup()
    assert site.backup_names() == [made.path.name]
    assert not site.path("/var/lib/mailstead/backup").exists()


def test_a_backup_that_cannot_be_read_back_is_none(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is removed, and older ones stay."""
    first = site.backup("/a.tar")
    rewrite = streams.FileWriter.rewrite

    def damage(self: streams.FileWriter, offset: int, data: bytes) -> None:
        rewrite(self, offset, data[:-1] + b"?" if b"settings.tar" in data else data)

    monkeypatch.setattr(streams.FileWriter, "rewrite", damage)
    with pytest.raises(InvalidInput):
        site.backup("/b.tar")
    assert site.path("/a.tar").exists()
    assert not site.path("/b.tar").exists()
    assert first.size == site.path("/a.tar").stat().st_size


def test_the_oldest_go_when_there_are_too_many(site: Site) -> None:
    """Only ours, and the new one stays whatever the clock says."""
    other = site.write("/var/backups/mailstead/other.tar", b"x")
    newest = site.write("/var/backups/mailstead/mailstead-2-20990101T000000Z.tar", b"")
    first = site.backup("/var/backups/mailstead/mailstead-1-20260101T000000Z.tar")
    newest.unlink()
    second = site.backup("/var/backups/mailstead/mailstead-2-20990101T000000Z.tar")
    made = site.backup(keep=2)
    assert made.removed == (first.path,)
    assert site.backup_names() == [made.path.name, second.path.name, "other.tar"]
    assert other.exists()
    with pytest.raises(InvalidInput, match="usual name"):
        site.backup("/x.tar", keep=2)


def test_without_secrets_nothing_secret_is_in_it(site: Site) -> None:
    """No directory, no keys, no file that others may not read; and it needs no passphrase."""
    site.write("/etc/mailstead/notes/main.cf", b"mine\n")
    site.write("/etc/mailstead/notes/secret", b"hidden-word\n", 0o640)
    site.write("/etc/mailstead/tls/mine.key", b"hidden-word\n", 0o644)  # in a folder of 0700
    made = site.backup("/plain.tar", passphrase=None)
    with inside(site, made, None) as found:
        assert paths(found.index, "sqlite") == []
        assert paths(found.index, "file") == ["/etc/mailstead/notes/main.cf"]
    inner = unpacked(made)
    assert b"mine" in inner
    for word in (b"hidden-word", b"PRIVATE KEY", b"ARGON2"):
        assert word not in inner


def test_without_secrets_no_secret_setting_is_in_it(
    make_site: Callable[..., Site], doorbell: Registry
) -> None:
    """Neither now, nor unsaved, nor in the history, nor in a page that is free."""
    site = make_site(registry=doorbell)
    site.engine.enable(["doorbell"], consents=["doorbell"])
    for token in (f"{SECRET}-1", f"{SECRET}-2"):
        site.set_form("doorbell.options", token=token, name="back")
        assert site.engine.save().outcome == "committed"
    site.set_form("doorbell.options", token=f"{SECRET}-3", name="side")
    made = site.backup("/plain.tar", passphrase=None)
    inner = unpacked(made)
    assert SECRET.encode() not in inner
    assert b'"side"' in inner
    with inside(site, made, None) as found:
        assert found.index.left_out == (("doorbell.options", "", "token"),)
    assert SECRET.encode() in unpacked_image(site, site.backup("/full.tar"))


def unpacked(made: Made) -> bytes:
    """Give everything in the settings part of a plain archive, by Python's own reader."""
    with tarfile.open(made.path) as tar:
        part = tar.extractfile("settings.tar.gz")
        assert part is not None
        with tarfile.open(fileobj=part) as inner:
            files = [inner.extractfile(item) for item in inner.getmembers()]
            return b"".join(file.read() for file in files if file is not None)


def unpacked_image(site: Site, made: Made) -> bytes:
    """Give the settings in an archive."""
    with inside(site, made) as found:
        return pathlib.Path(found.images["settings.db"]).read_bytes()


def test_mail_needs_a_passphrase(site: Site) -> None:
    """It is the users' secret."""
    with pytest.raises(InvalidInput, match="mail is secret"):
        site.backup(passphrase=None, mail=True)


def test_mail_is_in_it_when_asked_for(site: Site) -> None:
    """Messages with their dates; nothing that Dovecot makes again; links are told."""
    site.deliver("ada@example.org", "cur/1.a:2,S", b"hello")
    site.deliver("ada@example.org", "tmp/2.b", b"half")
    site.deliver("ada@example.org", "dovecot.index.cache", b"cache")
    site.deliver("ada@example.org", "dovecot-uidlist", b"3 V1")
    (site.home("ada@example.org") / "Maildir/link").symlink_to("/etc/shadow")
    made = site.backup(mail=True)
    assert made.manifest.has_mail
    assert [path.rpartition("/")[2] for path in made.passed_over] == ["link"]
    names: list[str] = []
    with opened(site.engine.machine, made.path) as archive:

        def take(header: Header) -> nullcontext[Nothing]:
            names.append(f"{header.kind} {header.name.partition('Maildir')[2]} {header.modified}")
            assert (header.owner, header.group) == ("vmail", "vmail")
            return nullcontext(Nothing())

        assert archive.mail(archive.require_key(WORDS), take) == len(names)
    assert "file /cur/1.a:2,S 1700000000" in names
    assert "file /dovecot-uidlist 1700000000" in names
    assert not [name for name in names if "index" in name or "2.b" in name or "link" in name]


def test_what_packs_too_well_is_stored(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox of nothing but zeros is no bomb, and can be restored."""
    monkeypatch.setattr(limits, "RATIO_FREE_BYTES", 1000)
    site.deliver("ada@example.org", "cur/1.a:2,S", bytes(3_000_000))
    made = site.backup(mail=True)
    part = made.manifest.find("mail.tar.gz.age")
    assert part is not None
    assert part.size > 3_000_000


def test_an_archive_of_an_old_place_is_made_where_it_is_asked_for(site: Site) -> None:
    """A folder that others can write to is none for it."""
    site.path("/open").mkdir(mode=0o777)
    site.path("/open").chmod(0o777)
    with pytest.raises(MachineError, match="can be changed by others"):
        site.backup("/open/x.tar")
    made = site.backup("/x.tar")
    assert made.path == Path(site.path("/x.tar"))
    with opened(site.engine.machine, made.path) as archive:
        assert read(archive).left_out == ()
