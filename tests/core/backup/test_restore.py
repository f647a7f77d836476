"""Restoring: a plan that is agreed to and saved, or undone; nothing of it happens in between."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable

import pytest

from mailstead.backup.archive import opened
from mailstead.backup.restore import Restore
from mailstead.backup.restoring import restore_steps
from mailstead.errors import (
    ArchiveError,
    ConsentNeeded,
    InvalidInput,
    Locked,
    MachineError,
    MailsteadError,
    NotFound,
    PlanError,
)
from mailstead.hand_edits.answers import Answer
from mailstead.machine.values import Path
from mailstead.registry import Registry
from mailstead.settings.cells import Cell
from mailstead.transaction.steps import ControlService, ReplaceFile, RestoreDatabase
from tests.core.backup.changed import (
    DIRECTORY,
    KEY,
    LOOKUP,
    SNIPPET,
    Changed,
    planned,
    strip,
)
from tests.core.backup.site import QuietMachine, Site

pytestmark = pytest.mark.usefixtures("quick_keys")


def test_the_plan_shows_everything_and_changes_nothing(changed: Changed) -> None:
    """Settings with old and new, rows before and after, files that would be put."""
    before = changed.state()
    found = planned(changed)
    assert changed.state() == before
    assert [(c.where, c.old, c.new) for c in found.plan.changes] == [
        ("mail_smtp.domains[example.net].name", "example.net", None)
    ]
    assert [(item.item.path, item.now, item.then) for item in found.databases] == [
        (DIRECTORY, {"users": 3, "groups": 0}, {"users": 2, "groups": 0}),
        (LOOKUP, {"domains": 2, "accounts": 2}, {"domains": 1, "accounts": 2}),
    ]
    assert [(change.path, change.kind, change.secret) for change in found.files] == [
        (KEY, "change", True), (SNIPPET, "change", False),
    ]  # fmt: skip
    assert found.left_out == found.settings.missing == found.settings.absent == ()


def test_a_restore_is_one_revision_with_its_reason(changed: Changed) -> None:
    """History stays what happened here; the private folder is gone."""
    result = changed.site.restore(changed.path)
    assert (result.outcome, result.reason) == ("committed", "")
    (last, *others) = changed.site.engine.store.revisions()
    assert (last.number, last.comment) == (4, f"restored from {changed.path.name}")
    assert [revision.number for revision in others] == [3, 2, 1]
    assert changed.site.users() == ["ada", "grace"]
    assert changed.site.knows("ada", "correct horse")
    assert changed.site.path(SNIPPET).read_bytes() == b"old\n"
    assert not changed.site.path("/var/lib/mailstead/restore").exists()
    assert not changed.site.engine.store.has_draft()


def test_what_is_replaced_of_the_admins_is_kept_aside(changed: Changed) -> None:
    """Nothing of theirs is lost by a restore."""
    changed.site.restore(changed.path)
    kept = sorted(p.name for p in changed.site.path("/var/lib/mailstead/replaced").iterdir())
    assert [name.rpartition(".")[0] for name in kept] == [
        "%2Fetc%2Fmailstead%2Fnotes%2Fmain.cf", "%2Fetc%2Fmailstead%2Ftls%2Fmail.pem",
    ]  # fmt: skip


def test_a_hand_edit_is_asked_about_and_merged_when_that_is_answered(changed: Changed) -> None:
    """As in any save; without an answer nothing happens, and the draft is empty."""
    site = changed.site
    site.set_form("network.host", hostname="later")
    assert site.engine.save().outcome == "committed"
    main_cf = site.path("/etc/postfix/main.cf")
    main_cf.write_bytes(main_cf.read_bytes() + b"smtpd_timeout = 77s\n")
    edited = main_cf.read_bytes()
    with pytest.raises(ConsentNeeded, match=r"main\.cf: edited by hand"):
        site.restore(changed.path)
    assert main_cf.read_bytes() == edited
    assert not site.engine.store.has_draft()
    with site.opened(changed.path) as found:
        work = Restore(site.engine, found, answers=[Answer("/etc/postfix/main.cf", "merge")])
        assert work.save(work.plan()).outcome == "committed"
    assert b"later" not in main_cf.read_bytes()
    assert main_cf.read_bytes().endswith(b"smtpd_timeout = 77s\n")


def test_readers_keep_their_files(changed: Changed) -> None:
    """Daemons that have the databases open go on with the same files and rights."""
    before = [changed.site.path(path).stat() for path in (DIRECTORY, LOOKUP)]
    changed.site.restore(changed.path)
    after = [changed.site.path(path).stat() for path in (DIRECTORY, LOOKUP)]
    assert [(s.st_ino, s.st_mode, s.st_gid) for s in before] == [
        (s.st_ino, s.st_mode, s.st_gid) for s in after
    ]


def test_daemons_that_read_a_restored_key_are_reloaded_once(changed: Changed) -> None:
    """They served with the key that goes; nothing else is reloaded."""
    daemon = changed.site.services.of("postfix")
    before = (daemon.starts, daemon.reloads, daemon.restarts)
    changed.site.restore(changed.path)
    assert (daemon.starts, daemon.reloads, daemon.restarts) == (before[0], before[1] + 1, before[2])


def test_daemons_that_read_a_restored_database_are_reloaded_once(
    make_site: Callable[..., Site],
) -> None:
    """What they had prepared for the one that was there would fail; others go on."""
    site = make_site()
    site.enable("network", "users", "mail_smtp", "mail_retrieval")
    made = site.backup()
    dovecot, postfix = site.services.of("dovecot"), site.services.of("postfix")
    before = (dovecot.starts, dovecot.reloads, postfix.reloads)
    assert site.restore(made.path).outcome == "committed"
    assert (dovecot.starts, dovecot.reloads, postfix.reloads) == (
        before[0], before[1] + 1, before[2]
    )  # fmt: skip


def test_unsaved_changes_are_not_mixed_in(changed: Changed) -> None:
    """The admin decides first what becomes of them."""
    changed.site.set_form("network.host", hostname="unsaved")
    with pytest.raises(InvalidInput, match=r"unsaved changes.*discard"):
        planned(changed)
    assert changed.site.engine.store.has_draft()


def test_a_plan_that_moved_is_refused(changed: Changed) -> None:
    """What is saved is what was shown."""
    with changed.site.opened(changed.path) as found:
        work = Restore(changed.site.engine, found)
        agreed = work.plan()
        changed.site.add_domain("example.com")
        before = changed.state()
        with pytest.raises(PlanError, match="no longer what was shown"):
            work.save(agreed)
    assert strip(changed.state()) == strip(before)


def test_settings_can_be_left_as_they_are(changed: Changed) -> None:
    """A module's or a section's; the rest is restored, and a wrong name is said."""
    changed.site.set_form("network.host", hostname="here")
    assert changed.site.engine.save().outcome == "committed"
    for leave in (["network", "mail_smtp.domains"], ["network.host", "mail_smtp"]):
        assert planned(changed, leave=leave).plan.changes == ()
    assert len(planned(changed, leave=["network"]).plan.changes) == 1
    for leave in (["nonsense"], ["network.hots"]):
        with pytest.raises((InvalidInput, NotFound), match=leave[0]):
            planned(changed, leave=leave)


def test_restoring_twice_changes_nothing_more(changed: Changed) -> None:
    """The second one has databases to put, and the same comes of it."""
    changed.site.restore(changed.path)
    before = changed.state()[:6]
    assert changed.site.restore(changed.path).outcome == "committed"
    assert changed.state()[:6] == before


def test_one_restore_at_a_time(changed: Changed) -> None:
    """The second is refused, and the first one's folder stays."""
    with changed.site.opened(changed.path) as found:
        with pytest.raises(Locked), changed.site.opened(changed.path):
            pass
        assert all(pathlib.Path(image).exists() for image in found.images.values())


def test_a_wrong_passphrase_or_damage_writes_nothing(changed: Changed) -> None:
    """Not even the private folder."""
    before = changed.state()
    damaged = changed.site.path("/damaged.tar")
    shutil.copy(changed.path, damaged)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    for path, words in ((changed.path, "another horse"), (Path(damaged), "correct horse")):
        with pytest.raises(ArchiveError), changed.site.opened(path, words):
            pass
    damaged.unlink()
    assert changed.state() == before
    assert not changed.site.path("/var/lib/mailstead/restore").exists()


def test_too_little_space_is_said_before(changed: Changed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is unpacked."""
    monkeypatch.setattr(QuietMachine, "free_space", lambda *_: 1000)
    with pytest.raises(MachineError, match="MiB are needed"), changed.site.opened(changed.path):
        pass


def test_the_steps_are_data(changed: Changed) -> None:
    """Databases first, then files, then reloads; each with what undoing it needs."""
    with changed.site.opened(changed.path) as found:
        steps = restore_steps(changed.site.engine, found)
        assert [type(step) for step in steps] == [
            RestoreDatabase, RestoreDatabase, ReplaceFile, ReplaceFile, ControlService,
        ]  # fmt: skip
        first = steps[0]
        assert isinstance(first, RestoreDatabase)
        assert first.path == changed.site.engine.instance.path(DIRECTORY)
        assert (first.old.parent, first.new.parent) == (found.folder, found.folder)
        assert str(first) == f"database {first.path}"


def test_a_module_that_is_not_here_is_told(
    changed: Changed, make_site: Callable[..., Site], doorbell: Registry
) -> None:
    """Its settings wait for it, its databases and keys are left out."""
    other = make_site(registry=doorbell)
    with other.opened(changed.path) as found:
        work = Restore(other.engine, found)
        agreed = work.plan()
        result = work.save(agreed)
    assert agreed.settings.absent == ("mail_smtp",)
    assert agreed.left_out == (DIRECTORY, LOOKUP, KEY)
    assert result.outcome == "committed"
    assert not other.path(DIRECTORY).exists()
    assert other.path(SNIPPET).read_bytes() == b"old\n"
    kept = other.engine.store.record("running", "mail_smtp.domains", "example.org")
    assert kept == {"name": "example.org"}


def test_without_secrets_the_present_ones_stay(
    make_site: Callable[..., Site], doorbell: Registry
) -> None:
    """And what is missing is told, by field."""
    site, other = make_site(registry=doorbell), make_site(registry=doorbell)
    site.engine.enable(["doorbell"], consents=["doorbell"])
    site.set_form("doorbell.options", token="t0ken", name="back")
    assert site.engine.save().outcome == "committed"
    made = site.backup("/plain.tar", passphrase=None)
    site.set_form("doorbell.options", name="front", token="other")
    assert site.engine.save().outcome == "committed"
    assert site.restore(made.path, None).outcome == "committed"
    assert site.engine.store.record("running", "doorbell.options", "") == {
        "name": "back", "token": "other",
    }  # fmt: skip
    with other.opened(made.path, None) as found:
        assert Restore(other.engine, found).plan().settings.missing == ("doorbell.options.token",)


def test_consents_come_along_under_their_names(
    changed: Changed, make_site: Callable[..., Site]
) -> None:
    """Who agreed to what, and when; what is new here is agreed to by who restores."""
    other = make_site()
    other.restore(changed.path)
    assert other.engine.store.all_consents() == changed.site.engine.store.all_consents()


def test_the_archives_unsaved_changes_are_left_out(site: Site) -> None:
    """Nobody had saved them; it is told."""
    site.set_form("network.host", hostname="unsaved")
    made = site.backup()
    site.engine.discard()
    with site.opened(made.path) as found:
        archived = Restore(site.engine, found).plan().settings
    assert (archived.has_draft, archived.cells) == (True, ())


def test_a_large_history_costs_nothing(site: Site) -> None:
    """Only cells that differ are written."""
    cells = [Cell("gone.table", f"row{number}", "name", number) for number in range(3000)]
    store = site.engine.store
    store.edit(cells, site.engine.actor, 0.0)
    store.commit_draft(site.engine.actor, 0.0)
    made = site.backup()
    with site.opened(made.path) as found:
        assert Restore(site.engine, found).plan().settings.cells == ()


def test_an_archive_tells_what_it_is(changed: Changed) -> None:
    """Without the passphrase."""
    with opened(changed.site.engine.machine, changed.path) as archive:
        assert archive.manifest.revision == 2
        with pytest.raises(MailsteadError, match="no mail in it"):
            archive.require_mail()
