"""A save that must be confirmed: by whom, over what, until when, and what becomes of it else."""

from __future__ import annotations

import pytest

from mailstead.engine import Engine
from mailstead.errors import NotFound, Unconfirmed
from mailstead.settings.cells import Actor
from mailstead.transaction.request import Request, SaveResult
from tests.core.transaction.conftest import Site

CONF = "/etc/greeter.conf"
OLD, NEW = b"greeting hello\nport 7000\n", b"greeting hi\nport 7000\n"


def save(site: Site, seconds: float = 60.0, allowed: tuple[str, ...] = ()) -> SaveResult:
    """Change the greeting and save with a confirmation."""
    site.set(greeting="hi")
    return site.engine.save(Request(confirm=seconds, allowed=allowed))


def reopened(site: Site) -> Engine:
    """Open the instance as another process does."""
    engine = site.engine
    return Engine.open(
        engine.instance.prefix, machine=site.machine, registry=engine.registry,
        services=site.services,
    )  # fmt: skip


def login(site: Site, name: str) -> None:
    """Let the next command come over another connection."""
    site.machine.login = name


def is_reverted(site: Site) -> bool:
    """Tell whether files, settings and draft are as before the save, and the daemon runs."""
    running = site.engine.store.record("running", "greeter.options", "")
    draft = [(c.field, c.new) for c in site.engine.store.draft_changes()]
    daemon = site.engine.controls(site.engine.registry.module("greeter").daemons[0])
    assert daemon.state() is not None
    return (site.content(CONF), running, draft) == (OLD, {}, [("greeting", "hi")])


def test_it_serves_at_once_and_waits(saved: Site) -> None:
    """The result says until when; the watch over it was started before anything was written."""
    result = save(saved)
    assert result.outcome == "committed"
    assert result.wait is not None
    assert result.wait.deadline == saved.machine.time.boot + 60.0
    assert saved.content(CONF) == NEW
    names = [name for name, _ in saved.machine.calls]
    written = [n for n, (name, args) in enumerate(saved.machine.calls)
               if name == "replace_file" and args[0].name == "greeter.conf"]  # fmt: skip
    assert names.index("detach") < written[0]


def test_confirmed_over_another_connection_it_stays(saved: Site) -> None:
    """Whatever time passes then, and over a boot."""
    save(saved)
    login(saved, "another")
    assert saved.engine.confirm().revision == 2
    saved.machine.time.pass_by(3600)
    with reopened(saved) as engine:
        assert engine.recovered is None
        assert engine.journal.unfinished() is None
    assert saved.content(CONF) == NEW
    assert saved.save() == "nothing to do"


def test_it_is_undone_when_its_time_is_over(saved: Site) -> None:
    """By whatever process comes first; the changes are in the draft again."""
    save(saved)
    saved.machine.time.pass_by(59)
    with reopened(saved) as engine:
        assert engine.recovered is None
    saved.machine.time.pass_by(2)
    with reopened(saved) as engine:
        assert engine.recovered is not None
        assert "not confirmed in time" in engine.recovered.reason
    assert is_reverted(saved)
    assert saved.engine.store.revision() == 3
    assert saved.engine.audit_log.entries()[1].event == "reverted"
    assert saved.save() == "committed"


def test_the_watch_undoes_it_by_itself(saved: Site) -> None:
    """It sleeps meanwhile, and ends."""
    save(saved)
    found = saved.engine.watch(2)
    assert found is not None
    assert found.outcome == "rolled back"
    assert is_reverted(saved)


def test_the_watch_ends_when_it_is_confirmed(saved: Site) -> None:
    """And touches nothing."""
    save(saved)
    login(saved, "another")

    def confirm() -> None:
        saved.engine.confirm()

    saved.machine.time.later(5, confirm)
    assert saved.engine.watch(2) is None
    assert saved.content(CONF) == NEW


def test_a_boot_ends_the_wait(saved: Site) -> None:
    """Whatever the boot clock says then; daemons are left to the system."""
    save(saved, 3600.0)
    saved.machine.reboot()
    engine = saved.engine
    with Engine.open(engine.instance.prefix, machine=saved.machine, registry=engine.registry,
                     services=saved.services, booting=True) as found:  # fmt: skip
        assert found.recovered is not None
    assert saved.content(CONF) == OLD
    assert saved.services.of("greeterd").starts == 1


@pytest.mark.parametrize("jump", [-86400.0, 365 * 86400.0])
def test_the_wall_clock_is_not_looked_at(saved: Site, jump: float) -> None:
    """A clock that jumps fires nothing early and stalls nothing."""
    save(saved)
    saved.machine.time.wall += jump
    with reopened(saved) as engine:
        assert engine.recovered is None
    saved.machine.time.pass_by(61)
    with reopened(saved) as engine:
        assert engine.recovered is not None


def test_the_same_connection_cannot_confirm(saved: Site) -> None:
    """It proves nothing: it was there before."""
    save(saved)
    with pytest.raises(Unconfirmed, match="another connection"):
        saved.engine.confirm()
    assert saved.engine.journal.unfinished() is not None


def test_nobody_else_can_confirm_unless_named(saved: Site) -> None:
    """Whoever saved, and whom they named."""
    save(saved, allowed=("grace",))
    login(saved, "another")
    saved.engine.actor = Actor("eve", "test")
    with pytest.raises(Unconfirmed, match="eve may not confirm"):
        saved.engine.confirm()
    saved.engine.actor = Actor("grace", "test")
    assert saved.engine.confirm().revision == 2


def test_there_is_no_second_save_meanwhile(saved: Site) -> None:
    """Edits are kept; nothing is planned over what may go."""
    save(saved)
    saved.set(port=7001)
    with pytest.raises(Unconfirmed, match="revision 2 waits to be confirmed"):
        saved.save()
    login(saved, "another")
    saved.engine.confirm()
    assert saved.save() == "committed"


def test_too_late_is_said_and_undone(saved: Site) -> None:
    """The changes are in the draft."""
    save(saved)
    login(saved, "another")
    saved.machine.time.pass_by(61)
    with pytest.raises(Unconfirmed, match="too late"):
        saved.engine.confirm()
    assert is_reverted(saved)


def test_it_can_be_taken_back_at_once(saved: Site) -> None:
    """Without waiting; there is nothing left to confirm."""
    save(saved)
    assert saved.engine.revert().outcome == "rolled back"
    assert is_reverted(saved)
    with pytest.raises(NotFound):
        saved.engine.revert()
    with pytest.raises(NotFound):
        saved.engine.confirm()


def test_a_save_that_fails_waits_for_nothing(saved: Site) -> None:
    """No time runs, and the next save is free."""
    saved.services.break_reload("greeterd")
    assert save(saved).outcome == "rolled back"
    saved.machine.time.pass_by(3600)
    with reopened(saved) as engine:
        assert engine.recovered is None
    assert saved.save() == "committed"


def test_a_watch_that_cannot_be_started_stops_the_save(saved: Site) -> None:
    """Before anything is written: what nobody undoes must not wait."""
    saved.machine.fail("detach", OSError(11, "Resource temporarily unavailable"))
    assert save(saved).outcome == "rolled back"
    assert saved.content(CONF) == OLD


def test_a_later_edit_outlives_the_undoing(saved: Site) -> None:
    """What was edited while it waited stays as it was edited."""
    save(saved)
    saved.set(greeting="hey")
    saved.machine.time.pass_by(61)
    with reopened(saved):
        pass
    assert [(c.old, c.new) for c in saved.engine.store.draft_changes()] == [(None, "hey")]
