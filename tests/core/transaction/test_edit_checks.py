"""Tests of saves around hand edits: checked, undone byte for byte, never raced."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailstead.errors import CheckFailed
from mailstead.hand_edits.answers import Answer
from mailstead.machine.values import Completed, Path
from mailstead.settings.decisions import Choice
from mailstead.transaction.progress import Event
from mailstead.transaction.request import Request
from tests.core.hand_edits.editing import CONF, MERGED, OURS, YOURS, edit_of, owned, save, write
from tests.core.transaction.conftest import Site


def test_the_checkers_see_what_will_stand_there(edited: Site) -> None:
    """Ours when it is taken, yours when it is kept, the merge when it is merged."""
    seen: list[bytes] = []
    edited.machine.on_command(["greeterd", "-t"], reading(edited, seen))
    choices: tuple[Choice, ...] = ("take", "keep", "merge")
    for choice in choices:
        edited.engine.plan(answers=[Answer(CONF, choice)])
    assert seen == [OURS, YOURS, MERGED]


def test_a_kept_file_is_checked_when_another_file_of_its_daemon_changes(edited: Site) -> None:
    """The plan is refused, and the refusal names the file that was edited by hand."""
    save(edited, "keep")
    edited.machine.on_command(["greeterd", "-t"], refusing(edited, b"# mine"))
    edited.set(password="hunter2 hunter2")
    with pytest.raises(CheckFailed, match=r"greeter\.conf: bad line .*with Mailstead's version"):
        edited.engine.plan()
    edited.engine.edits.decide(Answer(CONF, "take"))
    assert edited.save() == "committed"


def test_an_edit_left_alone_is_checked_too(saved: Site) -> None:
    """It will be there when the daemon reads its files again."""
    write(saved, YOURS)
    saved.machine.on_command(["greeterd", "-t"], refusing(saved, b"# mine"))
    saved.set(password="hunter2 hunter2")
    with pytest.raises(CheckFailed, match=r"`mailstead edits take /etc/greeter\.conf`"):
        saved.engine.plan()


def test_a_refusal_that_is_not_about_an_edit_does_not_blame_it(edited: Site) -> None:
    """The checker refuses our version as well."""
    edited.machine.on_command(["greeterd", "-t"], refusing(edited, b"port"))
    with pytest.raises(CheckFailed) as refused:
        edited.engine.plan(answers=[Answer(CONF, "merge")])
    assert refused.value.where == "module greeter: greeterd -t"
    staging = edited.engine.instance.state_path("staging")
    assert edited.machine.list_directory(staging) == ()


@pytest.mark.parametrize("choice", ["keep", "take", "merge"])
def test_a_save_that_fails_leaves_the_edit_byte_for_byte(edited: Site, choice: Choice) -> None:
    """With its rights; the decision is still to be made, or still made."""
    write(edited, YOURS, mode=0o640)
    before = edited.tree()
    edited.services.break_reload("greeterd")
    edited.engine.edits.decide(Answer(CONF, choice))
    assert edited.save() == "rolled back"
    assert edited.tree() == before
    assert edit_of(edited).choice == choice
    assert edited.save() == "committed"


@pytest.mark.parametrize("choice", ["keep", "take", "merge"])
def test_a_file_edited_between_plan_and_write_is_not_lost(edited: Site, choice: Choice) -> None:
    """Also when there was an answer about what it was before."""
    late = b"later\n"

    def edit(event: Event) -> None:
        if event.phase == "write":
            write(edited, late)

    request = Request(answers=[Answer(CONF, choice)])
    result = edited.engine.save(request, progress=edit)
    assert (result.outcome, "changed since the plan" in result.reason) == ("rolled back", True)
    assert edited.content(CONF) == late


def test_a_save_that_is_not_confirmed_gives_the_edit_back(edited: Site) -> None:
    """File and record are as before, and the question is asked again."""
    before = owned(edited)
    request = Request(answers=[Answer(CONF, "merge")], confirm=60.0)
    assert edited.engine.save(request).outcome == "committed"
    assert edited.content(CONF) == MERGED
    edited.engine.revert()
    assert edited.content(CONF) == YOURS
    assert (owned(edited).sha256, owned(edited).choice) == (before.sha256, "")
    assert edit_of(edited).asks


def test_a_restart_is_asked_for_by_what_the_daemon_has_read(saved: Site) -> None:
    """A kept edit changes nothing on the disk, but the daemon may not have read it yet."""
    daemon = saved.engine.registry.module("greeter").daemons[0]

    def reason(files: dict[str, tuple[bytes | None, bytes | None]]) -> str:
        old, new = files.get(CONF, (b"", b""))
        return "the port changed" if b"7001" in (new or b"") and old != new else ""

    object.__setattr__(daemon, "restart_when", reason)
    write(saved, b"greeting hello\nport 7001\n")
    saved.engine.edits.decide(Answer(CONF, "keep"))
    (action,) = saved.engine.plan().services
    assert (action.verb, action.reason) == ("restart", "the port changed")


def staged(site: Site, argv: object) -> bytes:
    """Give the file that a checker is asked about."""
    assert isinstance(argv, list | tuple)
    return site.machine.tree.read(Path(str(argv[-1])), 1 << 20)


def reading(site: Site, seen: list[bytes]) -> Callable[[object], Completed]:
    """Give a checker that remembers what it was asked about."""

    def check(argv: object) -> Completed:
        seen.append(staged(site, argv))
        return Completed(0, "", "")

    return check


def refusing(site: Site, word: bytes) -> Callable[[object], Completed]:
    """Give a checker that refuses a file with a word in it."""

    def check(argv: object) -> Completed:
        bad = word in staged(site, argv)
        return Completed(1, "", "bad line") if bad else Completed(0, "", "")

    return check
