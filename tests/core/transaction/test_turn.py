"""Two admins at once: one saves, the other is told who, since when and what."""

from __future__ import annotations

import pytest

from mailstead.engine import Engine
from mailstead.errors import Locked
from mailstead.moment import words_of
from mailstead.settings.cells import Actor
from mailstead.transaction.progress import Event
from mailstead.transaction.request import Request
from tests.core.transaction.conftest import Site


def second(site: Site) -> Engine:
    """Open the instance for another admin."""
    return Engine.open(
        site.engine.instance.prefix, machine=site.machine, registry=site.engine.registry,
        services=site.engine.controls, actor=Actor("grace", "web"),
    )  # fmt: skip


def test_who_finds_the_lock_taken_is_told_who_saves(saved: Site) -> None:
    """Name, place, time, plan and step; nothing of the first save is disturbed."""
    told: list[Locked] = []

    def come_second(event: Event) -> None:
        if event.phase != "act" or told:
            return
        with second(saved) as other:
            other.editor.set_form("greeter.options", {"greeting": "theirs"}, other.actor)
            with pytest.raises(Locked) as caught:
                other.save()
            told.append(caught.value)

    saved.set(greeting="hi")
    plan = saved.engine.plan().id
    saved.engine.actor = Actor("ada", "ssh")
    since = saved.machine.time.wall
    assert saved.engine.save(progress=come_second).outcome == "committed"
    (error,) = told
    assert error.problem == (
        f"ada (ssh) saves since {words_of(since)}: plan {plan}, step 1 of 2 (file "
        "/etc/greeter.conf); another process is at work"
    )
    saving = {"who": "ada", "origin": "ssh", "since": since, "plan": plan, "base": 1}
    assert error.details == {"saving": saving}
    assert (error.exit_status, bool(error.hint)) == (2, True)
    assert [c.new for c in saved.engine.store.draft_changes()] == ["theirs"]


@pytest.mark.parametrize("name", ["save", "discard", "confirm", "revert", "recover", "abandon"])
def test_without_a_save_under_way_the_process_is_named(saved: Site, name: str) -> None:
    """One that still plans, or does something else; also when a save waits to be confirmed."""
    saved.set(greeting="hi")
    saved.engine.save(Request(confirm=60))
    lock = saved.engine.instance.state_path("lock")
    with saved.machine.lock(lock), pytest.raises(Locked, match="another process is at work"):
        getattr(saved.engine, name)()


def test_an_error_of_the_save_itself_is_not_taken_for_the_lock(saved: Site) -> None:
    """What is refused inside is told as it is."""
    saved.set(greeting="hi")
    saved.engine.save(Request(confirm=60))
    saved.set(greeting="hey")
    with pytest.raises(Locked, match="revision 2 waits to be confirmed"):
        saved.engine.save()
