"""Tests of saving: what is done, in which order, and what is undone."""

from __future__ import annotations

import pytest

from mailstead.errors import CheckFailed, ConsentNeeded, Locked, MachineError, PlanError
from mailstead.hand_edits.answers import Answer
from mailstead.machine.values import Completed, Listener
from mailstead.transaction.progress import Event
from mailstead.transaction.request import Request
from tests.core.transaction.conftest import Site

CONF = "/etc/greeter.conf"


def writes(site: Site) -> list[str]:
    """Give the port calls that change something, in order."""
    quiet = ("stat", "read", "list", "is_", "user", "group", "now", "boot", "free", "lock",
             "package_versions", "service.state", "process", "listeners", "ancestors", "converse",
             "sleep", "available", "hostname", "interfaces", "has_")  # fmt: skip
    return [name for name, _ in site.machine.calls if not name.startswith(quiet)]


def test_the_first_save_installs_writes_starts_and_publishes(site: Site) -> None:
    """Everything a module declares is there afterwards."""
    site.engine.enable(["greeter"], consents=["greeter"])
    site.engine.editor.add_row("greeter.guests", {"name": "ada"}, site.engine.actor)
    result = site.engine.save(Request(comment="first"))
    assert (result.outcome, result.revision) == ("committed", 1)
    assert site.machine.packages == {"greeterd": "1.0"}
    assert site.content(CONF) == b"greeting hello\nport 7000\n"
    assert site.content("/etc/greeter.key") == b"key"
    _, gid = site.machine.users["greeter"]
    folder = site.machine.stat_file(site.engine.instance.path("/var/lib/greeter"))
    assert folder is not None
    assert (folder.mode & 0o777, folder.uid, folder.gid) == (0o750, 0, gid)
    assert site.services.of("greeterd").starts == 1
    database = site.engine.instance.path("/var/lib/greeter/guests.db")
    assert list(site.machine.rows[database]["guests"].values()) == [{"name": "ada"}]
    assert not site.engine.store.has_draft()


def test_nothing_happens_before_save(site: Site) -> None:
    """Enabling, editing and planning leave the machine alone."""
    before = site.tree()
    site.engine.enable(["greeter"], consents=["greeter"])
    site.engine.plan()
    assert site.tree() == before
    assert site.services.of("greeterd").starts == 0
    assert site.machine.packages == {}


def test_a_save_with_nothing_changed_does_nothing(saved: Site) -> None:
    """No write, no reload, no probe."""
    assert saved.save() == "nothing to do"
    assert writes(saved) == []
    assert not [name for name, _ in saved.machine.calls if name == "converse"]
    assert saved.engine.store.revision() == 1


def test_what_was_made_once_is_made_again_when_it_is_gone(saved: Site) -> None:
    """A key that somebody removed; also with nothing else to save."""
    saved.machine.remove_file(saved.engine.instance.path("/etc/greeter.key"))
    assert saved.save() == "committed"
    assert saved.content("/etc/greeter.key") == b"key"


def test_one_changed_option_reloads_once(saved: Site) -> None:
    """The daemon keeps its process; what did not change is not written."""
    saved.set(greeting="hi")
    assert saved.save() == "committed"
    assert saved.content(CONF) == b"greeting hi\nport 7000\n"
    daemon = saved.services.of("greeterd")
    assert (daemon.starts, daemon.reloads, daemon.restarts) == (1, 1, 0)
    written = [args[0].name for name, args in saved.machine.calls if name == "replace_file"]
    assert written.count("greeter.conf") == 1
    assert written.count("greeter.key") == 0


def test_the_draft_is_invisible_to_a_restart(saved: Site) -> None:
    """Daemons only ever see what was saved."""
    saved.set(greeting="unsaved")
    saved.engine.restart("greeter")
    assert saved.content(CONF) == b"greeting hello\nport 7000\n"


def test_discard_drops_the_draft(saved: Site) -> None:
    """The working settings are the saved ones again."""
    saved.set(greeting="unsaved")
    saved.engine.discard()
    assert saved.engine.plan().is_empty


def test_consent_is_needed_before_anything(site: Site) -> None:
    """Without it not even packages are installed."""
    site.engine.enable(["greeter"])
    site.machine.calls.clear()
    with pytest.raises(ConsentNeeded, match=r"greeter\.conf"):
        site.engine.save()
    assert site.machine.packages == {}
    assert writes(site) == []


def test_a_rude_setting_is_refused_with_its_field(saved: Site) -> None:
    """A module's own validation stops the plan."""
    saved.set(greeting="bad")
    with pytest.raises(PlanError, match=r"greeter.options.greeting: is rude \(be polite\)"):
        saved.engine.save()
    assert writes(saved) == []


def test_the_daemons_checker_refuses_in_its_own_words(saved: Site) -> None:
    """Nothing live was touched; the staging tree is gone."""
    words = "greeter.conf line 1: no"
    saved.machine.on_command(["greeterd", "-t"], Completed(1, "", words))
    before = saved.tree()
    saved.set(greeting="hi")
    with pytest.raises(CheckFailed, match=words):
        saved.engine.save()
    assert saved.tree() == before
    assert saved.machine.list_directory(saved.engine.instance.state_path("staging")) == ()


def test_a_checker_that_hangs_refuses(saved: Site) -> None:
    """A time-out is no consent."""

    def hang(_: object) -> Completed:
        raise MachineError("did not end within 30 s", where="greeterd -t")

    saved.machine.on_command(["greeterd", "-t"], hang)
    saved.set(greeting="hi")
    with pytest.raises(CheckFailed, match="30 s"):
        saved.engine.save()


@pytest.mark.parametrize(
    "breakage",
    ["break_start", "dies_after", "answers", "replace_file", "apply_rows"],
)
def test_a_failed_first_save_leaves_no_file_and_no_daemon(site: Site, breakage: str) -> None:
    """Whatever fails, the instance is as before; the draft is kept."""
    site.engine.enable(["greeter"], consents=["greeter"])
    site.engine.editor.add_row("greeter.guests", {"name": "ada"}, site.engine.actor)
    site.machine.add_file(site.engine.instance.path(CONF), b"foreign\n", mode=0o640)
    if breakage == "break_start":
        site.services.break_start("greeterd")
    elif breakage == "dies_after":
        site.services.dies_after("greeterd", 0.5)
    elif breakage == "answers":
        site.machine.answers = lambda _: False
    else:
        at = 6 if breakage == "replace_file" else 1
        site.machine.fail(breakage, MachineError("no space left"), at=at)
    result = site.engine.save()
    assert result.outcome == "rolled back"
    assert ("(ring the bell)" if breakage == "answers" else "") in result.reason
    assert result.reason
    assert site.content(CONF) == b"foreign\n"
    assert site.content("/etc/greeter.secret") is None
    assert site.engine.controls(site.engine.registry.module("greeter").daemons[0]).state() is None
    assert site.engine.store.has_draft()
    assert site.engine.store.revision() == 0


@pytest.mark.parametrize("verb", ["reload", "restart"])
def test_a_failed_change_is_undone_and_the_old_state_proven(saved: Site, verb: str) -> None:
    """The daemon runs with the old file, and was asked to answer with it."""
    before = saved.tree()
    saved.set(greeting="hi")
    if verb == "reload":
        saved.services.break_reload("greeterd")
    else:
        saved.services.dies_after("greeterd", 0.5)
    result = saved.engine.save()
    assert result.outcome == "rolled back"
    assert saved.tree() == before
    daemon = saved.engine.registry.module("greeter").daemons[0]
    assert saved.engine.controls(daemon).state() is not None
    assert saved.machine.calls[-1][0] != "replace_file"
    saved.engine.save()


def test_an_old_state_that_cannot_be_proven_needs_an_operator(saved: Site) -> None:
    """The result has the command to run; it never says that the state is unknown."""
    saved.set(greeting="hi")
    saved.machine.answers = lambda _: False
    result = saved.engine.save()
    assert result.outcome == "needs operator"
    assert result.commands == ("service greeterd restart",)


def test_a_port_in_use_is_refused_naming_the_process(site: Site) -> None:
    """Before anything is touched."""
    site.engine.enable(["greeter"], consents=["greeter"])
    other = site.machine.spawn("squatter")
    site.machine.listening.append(Listener("127.0.0.1", 7000, other.pid, "squatter"))
    with pytest.raises(PlanError, match=rf"port 7000 .*squatter \(process {other.pid}\)"):
        site.engine.save()
    assert site.machine.packages == {}


def test_a_full_disk_is_refused_before_anything(saved: Site) -> None:
    """The message says how much is missing."""
    saved.machine.space = 1 << 20
    saved.set(greeting="hi")
    with pytest.raises(PlanError, match="1 MiB are free"):
        saved.engine.save()
    assert writes(saved) == []


def test_a_second_save_is_locked_out(saved: Site) -> None:
    """The lock is the kernel's; the error names the holder."""
    lock = saved.engine.instance.state_path("lock")
    with saved.machine.lock(lock), pytest.raises(Locked):
        saved.engine.save()


def test_an_edit_during_a_save_is_neither_lost_nor_saved_unseen(saved: Site) -> None:
    """What was planned is saved; what a second admin edited meanwhile stays in the draft."""

    def edit(event: Event) -> None:
        if event.phase == "probe":
            saved.set(port=7001, greeting="hello")

    saved.set(greeting="hi")
    assert saved.engine.save(progress=edit).outcome == "committed"
    assert saved.content(CONF) == b"greeting hi\nport 7000\n"
    left = saved.engine.store.draft_changes()
    changes = {change.field: (change.old, change.new) for change in left}
    assert changes == {"greeting": ("hi", "hello"), "port": (None, 7001)}
    assert saved.save() == "committed"
    assert saved.content(CONF) == b"greeting hello\nport 7001\n"


def test_a_plan_other_than_the_agreed_one_is_refused(saved: Site) -> None:
    """What is applied is what was shown."""
    saved.set(greeting="hi")
    agreed = saved.engine.plan().id
    saved.set(greeting="hey")
    with pytest.raises(PlanError, match="no longer what was shown"):
        saved.engine.save(Request(expected=agreed))
    assert saved.engine.save(Request(expected=saved.engine.plan().id)).outcome == "committed"


def test_a_hand_edit_is_never_overwritten_without_consent(saved: Site) -> None:
    """With consent it is kept aside."""
    path = saved.engine.instance.path(CONF)
    saved.machine.add_file(path, b"mine\n")
    assert saved.engine.plan().kept == (CONF,)
    assert saved.save() == "nothing to do"
    saved.set(greeting="hi")
    with pytest.raises(ConsentNeeded, match="edited by hand"):
        saved.engine.save()
    assert saved.content(CONF) == b"mine\n"
    assert saved.engine.save(Request(answers=[Answer(CONF, "take")])).outcome == "committed"
    assert saved.content(CONF) == b"greeting hi\nport 7000\n"
    assert len(saved.machine.list_directory(saved.engine.instance.state_path("replaced"))) == 1


def test_what_a_killed_save_wrote_is_confirmed_and_reloaded_by_the_next(saved: Site) -> None:
    """The file is as planned, but no save ended with it and no daemon was told."""
    saved.set(greeting="hi")
    saved.machine.add_file(saved.engine.instance.path(CONF), b"greeting hi\nport 7000\n")
    plan = saved.engine.plan()
    assert [(item.path, item.kind) for item in plan.files] == [(CONF, "confirm")]
    assert saved.save() == "committed"
    assert saved.services.of("greeterd").reloads == 1
    assert saved.engine.plan().is_empty


def test_a_file_edited_between_plan_and_write_is_not_lost(saved: Site) -> None:
    """The digest is compared again at the last moment; the save is rolled back."""
    path = saved.engine.instance.path(CONF)

    def edit(event: Event) -> None:
        if event.phase == "write":
            saved.machine.add_file(path, b"mine\n")

    saved.set(greeting="hi")
    result = saved.engine.save(progress=edit)
    assert result.outcome == "rolled back"
    assert "changed since the plan" in result.reason
    assert saved.content(CONF) == b"mine\n"


def test_a_link_at_a_target_is_refused(saved: Site) -> None:
    """It is never followed."""
    path = saved.engine.instance.path(CONF)
    saved.machine.remove_file(path)
    saved.machine.add_link(path, "/etc/passwd")
    saved.set(greeting="hi")
    with pytest.raises(MachineError, match="a link stands there"):
        saved.engine.save()


def test_disable_stops_and_leaves_files_unless_asked_to_restore(site: Site) -> None:
    """What stood there before comes back, with its rights."""
    path = site.engine.instance.path(CONF)
    site.machine.add_file(path, b"foreign\n", mode=0o640)
    site.engine.enable(["greeter"], consents=["greeter"])
    assert site.save() == "committed"
    site.engine.disable(["greeter"], restore=True)
    assert site.save() == "committed"
    assert site.content(CONF) == b"foreign\n"
    assert site.content("/etc/greeter.secret") is None
    state = site.machine.stat_file(path)
    assert state is not None
    assert state.mode & 0o777 == 0o640
    assert site.services.of("greeterd").stops == 1


def test_a_disabled_module_publishes_nothing(saved: Site) -> None:
    """Its rows go when it goes and come back when it does."""
    saved.engine.editor.add_row("greeter.guests", {"name": "ada"}, saved.engine.actor)
    saved.save()
    database = saved.engine.instance.path("/var/lib/greeter/guests.db")
    saved.engine.disable(["greeter"])
    saved.save()
    assert saved.machine.rows[database]["guests"] == {}
    saved.engine.enable(["greeter"])
    saved.save()
    assert len(saved.machine.rows[database]["guests"]) == 1


def test_a_row_that_comes_reloads_the_daemon_that_remembers_it_was_missing(saved: Site) -> None:
    """Once, and the plan says why; a row that goes reloads nothing."""
    for name in ("ada", "bob"):
        saved.engine.editor.add_row("greeter.guests", {"name": name}, saved.engine.actor)
    (action,) = saved.engine.plan().services
    assert (str(action), action.reason) == (
        "reload greeterd", "it may remember that ada was not there"
    )  # fmt: skip
    saved.save()
    assert saved.services.of("greeterd").reloads == 1
    saved.engine.editor.remove_row("greeter.guests", "ada", saved.engine.actor)
    assert saved.save() == "committed"
    assert saved.services.of("greeterd").reloads == 1


def test_rows_do_not_start_a_daemon_that_is_down(saved: Site) -> None:
    """It reads them when it is started."""
    saved.engine.stop("greeter")
    saved.engine.editor.add_row("greeter.guests", {"name": "ada"}, saved.engine.actor)
    assert saved.save() == "committed"
    assert (saved.services.of("greeterd").starts, saved.services.of("greeterd").reloads) == (1, 0)


def test_a_secret_is_in_no_diff(saved: Site) -> None:
    """Not in the plan, not in its file's diff; in the file."""
    saved.set(password="hunter2 hunter2")
    plan = saved.engine.plan()
    assert "hunter2" not in "".join(change.diff() for change in plan.files)
    assert saved.save() == "committed"
    assert saved.content("/etc/greeter.secret") == b"password hunter2 hunter2\n"


def test_a_daemon_stopped_by_hand_stays_stopped(saved: Site) -> None:
    """A save does not start it."""
    saved.engine.stop("greeter")
    saved.set(greeting="hi")
    assert saved.save() == "committed"
    assert saved.services.of("greeterd").starts == 1
    saved.engine.start("greeter")
    assert saved.services.of("greeterd").starts == 2


def test_progress_counts_to_its_total(site: Site) -> None:
    """Steps never exceed the total, and the last event is complete."""
    events: list[Event] = []
    site.engine.enable(["greeter"], consents=["greeter"])
    site.engine.save(progress=events.append)
    assert all(event.done <= event.total for event in events)
    assert events[-1].done == events[-1].total
    phases = list(dict.fromkeys(event.phase for event in events))
    assert phases.index("check") < phases.index("write") < phases.index("act")


def test_an_interrupt_is_undone_and_passed_on(saved: Site) -> None:
    """Ctrl-C in the middle leaves the old state."""
    before = saved.tree()
    saved.set(greeting="hi")
    saved.machine.fail("service.reload", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        saved.engine.save()
    assert saved.tree() == before


def test_rendering_twice_gives_the_same_plan(saved: Site) -> None:
    """The same settings and facts give the same bytes."""
    saved.set(greeting="hi")
    assert saved.engine.plan() == saved.engine.plan()
