"""Recovery: what needs an operator, is tried again, given up, or found without the settings."""

from __future__ import annotations

import errno

import pytest

from mailstead.engine import Engine
from mailstead.errors import OperatorNeeded, StoreDamaged
from mailstead.transaction.progress import Event
from mailstead.transaction.request import SaveResult
from tests.core.transaction.conftest import Site

CONF = "/etc/greeter.conf"
OLD, NEW = b"greeting hello\nport 7000\n", b"greeting hi\nport 7000\n"


def stuck(site: Site) -> SaveResult:
    """Let a save fail at its daemon, and its undo at the file, which cannot be replaced then."""

    def freeze(event: Event) -> None:
        if event.phase == "act":
            site.machine.fail("replace_file", OSError(errno.EPERM, "Not permitted"), at=None)

    site.set(greeting="hi")
    site.services.break_reload("greeterd")
    return site.engine.save(progress=freeze)


def reopened(site: Site) -> Engine:
    """Open the instance as another process does."""
    engine = site.engine
    return Engine.open(engine.instance.prefix, machine=site.machine, registry=engine.registry,
                       services=site.services)  # fmt: skip


def test_what_cannot_be_undone_needs_an_operator_who_is_told_what_to_run(saved: Site) -> None:
    """The file, the system's words, and the commands; reading goes on, saving does not."""
    result = stuck(saved)
    assert result.outcome == "needs operator"
    assert f"could not undo file {CONF}" in result.reason
    assert "not permitted" in result.reason
    assert result.commands == ("mailstead recover", "service greeterd restart")
    with reopened(saved) as engine:
        assert engine.plan().revision == 1
        with pytest.raises(OperatorNeeded, match="could not undo") as error:
            engine.save()
    assert "mailstead recover" in error.value.hint


def test_recover_tries_again_once_the_cause_is_gone(saved: Site) -> None:
    """Then everything is as it was, the daemon too, and the save can be repeated."""
    stuck(saved)
    saved.machine.log.faults.clear()
    found = saved.engine.recover()
    assert found is not None
    assert (found.outcome, found.revision) == ("rolled back", 1)
    assert saved.content(CONF) == OLD
    assert saved.services.of("greeterd").reloads > 1
    assert saved.engine.recover() is None
    assert saved.save() == "committed"


def test_a_save_tries_again_by_itself(saved: Site) -> None:
    """Whoever mended the cause need not know of recover."""
    stuck(saved)
    saved.machine.log.faults.clear()
    assert saved.save() == "committed"
    assert saved.content(CONF) == NEW


def test_abandoned_files_count_as_edited_by_hand(saved: Site) -> None:
    """The next plan shows them; saving is free again."""
    stuck(saved)
    assert saved.engine.abandon() is not None
    saved.machine.log.faults.clear()
    assert saved.engine.abandon() is None
    saved.engine.discard()
    assert saved.content(CONF) == NEW
    assert CONF in saved.engine.plan().kept
    assert saved.save() == "nothing to do"


def test_a_file_that_somebody_wrote_meanwhile_is_left_to_them(saved: Site) -> None:
    """And the result says so."""

    def edit(event: Event) -> None:
        if event.phase == "act":
            saved.machine.add_file(saved.engine.instance.path(CONF), b"mine\n")

    saved.set(greeting="hi")
    saved.services.break_reload("greeterd")
    result = saved.engine.save(progress=edit)
    assert result.outcome == "rolled back"
    assert f"left as somebody else made it meanwhile: file {CONF}" in result.reason
    assert saved.content(CONF) == b"mine\n"


def test_damaged_settings_are_said_and_nothing_is_written(saved: Site) -> None:
    """With no save unfinished, there is nothing to undo."""
    path = saved.engine.instance.prefix / "var/lib/mailstead/state.db"
    saved.engine.store.run("PRAGMA wal_checkpoint(TRUNCATE)")
    saved.engine.close()
    with open(path, "r+b") as file:  # noqa: PTH123 - in place
        file.write(b"garbage garbage!")
    before = saved.tree()
    with pytest.raises(StoreDamaged, match="the settings are damaged") as error:
        reopened(saved)
    assert "recover" in error.value.hint
    assert saved.tree() == before
