"""Programs of the admin's own: which are run, when, with what, and what stops a save."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from mailstead.errors import CheckFailed, MachineError
from mailstead.machine.values import Completed
from tests.core.transaction.conftest import Site

HOOKS = "/etc/mailstead/hooks"


def add(site: Site, name: str, *, mode: int = 0o755, uid: int = 0) -> str:
    """Put a program into the hooks folder; gives its real path."""
    path = site.engine.instance.path(f"{HOOKS}/{name}")
    site.machine.add_file(path, b"#!/bin/sh\n", mode=mode, uid=uid)
    return str(path)


def runs(site: Site) -> list[tuple[str, ...]]:
    """Give the runs of hooks."""
    root = str(site.engine.instance.path(HOOKS))
    found = [args[0] for name, args in site.machine.calls if name == "run"]
    return [argv for argv in found if argv[0].startswith(root)]


def test_hooks_run_before_and_after_with_the_plan(saved: Site) -> None:
    """General ones, then those of the modules concerned; no others."""
    first, second = add(saved, "pre-save.d/10-freeze"), add(saved, "greeter/pre-save.d/check")
    last = add(saved, "post-save.d/tell")
    add(saved, "network/pre-save.d/check")
    saved.set(greeting="hi", password="hunter2 hunter2")
    plan = saved.engine.plan().id
    assert saved.save() == "committed"
    root = str(saved.engine.instance.prefix)
    assert runs(saved) == [
        (first, "pre-save", plan, root), (second, "pre-save", plan, root),
        (last, "post-save", plan, root),
    ]  # fmt: skip
    given = [args[1] for name, args in saved.machine.calls if name == "run" and args[0][0] == last]
    told = json.loads(given[0])
    assert (told["revision"], told["base"]) == (2, 1)
    assert {c["setting"]: c["new"] for c in told["changes"]} == {
        "greeter.options.greeting": "hi", "greeter.options.password": "********",
    }  # fmt: skip


def test_a_failing_pre_save_hook_stops_the_save_before_it_starts(saved: Site) -> None:
    """In its own words; nothing was written, the draft is kept."""
    path = add(saved, "pre-save.d/window")
    saved.machine.on_command([path], Completed(1, "not on Fridays", ""))
    before = saved.tree()
    saved.set(greeting="hi")
    saved.machine.calls.clear()
    with pytest.raises(CheckFailed, match="not on Fridays"):
        saved.save()
    assert saved.tree() == before
    assert saved.engine.store.has_draft()
    assert saved.engine.journal.last() == saved.engine.journal.record(1)


def test_a_hook_that_hangs_stops_the_save(saved: Site) -> None:
    """Its time is limited."""
    path = add(saved, "pre-save.d/sleeper")

    def hang(_: Sequence[str]) -> Completed:
        raise MachineError("did not end within 60 s and was killed")

    saved.machine.on_command([path], hang)
    saved.set(greeting="hi")
    with pytest.raises(CheckFailed, match="60 s"):
        saved.save()


def test_a_failing_post_save_hook_is_a_warning(saved: Site) -> None:
    """What was saved stays saved."""
    path = add(saved, "post-save.d/tell")
    saved.machine.on_command([path], Completed(7, "", ""))
    saved.set(greeting="hi")
    result = saved.engine.save()
    assert result.outcome == "committed"
    assert result.warnings == (f"hook {path}: exit status 7",)


@pytest.mark.parametrize(
    ("mode", "uid", "words"),
    [
        (0o777, 0, "can be changed by others"),
        (0o755, 1000, "can be changed by others"),
        (0o644, 0, "not an executable file"),
    ],
)
def test_what_others_could_have_made_is_not_run(
    saved: Site, mode: int, uid: int, words: str
) -> None:
    """It would run as root; passing it over could let a save pass that it should stop."""
    add(saved, "pre-save.d/evil", mode=mode, uid=uid)
    saved.set(greeting="hi")
    with pytest.raises(CheckFailed, match=words):
        saved.save()
    assert runs(saved) == []


def test_names_that_are_no_programs_are_passed_over(saved: Site) -> None:
    """Copies of editors and packagers, as run-parts(8) does."""
    for name in ("check.dpkg-old", "check~", ".check.swp"):
        add(saved, f"pre-save.d/{name}")
    saved.set(greeting="hi")
    assert saved.save() == "committed"
    assert runs(saved) == []
