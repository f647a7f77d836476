"""Going back: a save like any other, in the other direction; or nothing at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mailstead.engine import Engine
from mailstead.errors import (
    ConsentNeeded,
    InvalidInput,
    InvalidValue,
    MailsteadError,
    ModuleUnavailable,
    NotFound,
    Unconfirmed,
)
from mailstead.hand_edits.answers import Answer
from mailstead.registry import Registry, Source
from mailstead.settings.audit import AuditLog
from mailstead.settings.cells import Actor
from mailstead.settings.file_history import FileHistory
from mailstead.transaction.progress import Event
from mailstead.transaction.request import Request, SaveResult
from mailstead.transaction.rollback import Goal
from tests.core import greeter
from tests.core.packages import Packages
from tests.core.transaction.conftest import Site

CONF = "/etc/greeter.conf"
CLOCK = """
from mailstead.plugin import *


@form(title="Clock")
class Options:
    \"\"\"What time it is.\"\"\"

    zone: types.Text = field(default="UTC", help="time zone")


module = Module(sections=[Options])
"""


@pytest.fixture
def grown(saved: Site) -> Site:
    """Give a site with three revisions: enabled; greets with hi, knows Ada; greets with hey."""
    saved.set(greeting="hi", password="hunter2 hunter2")
    saved.engine.editor.add_row("greeter.guests", {"name": "ada"}, saved.engine.actor)
    assert saved.save() == "committed"
    saved.set(greeting="hey", port=7001)
    assert saved.save() == "committed"
    saved.machine.calls.clear()
    return saved


def go_back(site: Site, number: int, module: str = "", **request: object) -> SaveResult:
    """Go back."""
    goal = Goal(number, module)
    return site.engine.save(Request(back_to=goal, **request))  # type: ignore[arg-type]


def guests(site: Site) -> list[str]:
    """Give the published guests."""
    database = site.engine.instance.path("/var/lib/greeter/guests.db")
    return [
        str(row["name"]) for row in site.machine.rows.get(database, {}).get("guests", {}).values()
    ]


@contextmanager
def reopened(site: Site, *sources: Source) -> Iterator[Engine]:
    """Open the instance again with other plugins."""
    engine = Engine.open(
        site.engine.instance.prefix,
        machine=site.machine,
        registry=Registry.discover(sources),
        services=site.engine.controls,
    )
    try:
        yield engine
    finally:
        engine.close()


def test_going_back_is_a_new_revision_with_files_rows_and_daemon(grown: Site) -> None:
    """All is as it was then, and the history says who went back and why."""
    before = grown.services.of("greeterd").reloads
    result = go_back(grown, 1, comment="it was better")
    assert (result.outcome, result.revision) == ("committed", 4)
    assert grown.content(CONF) == b"greeting hello\nport 7000\n"
    assert grown.content("/etc/greeter.secret") == b"password \n"
    assert guests(grown) == []
    assert grown.services.of("greeterd").reloads == before + 1
    assert [name for name, _ in grown.machine.calls if name == "converse"]
    assert not grown.engine.store.has_draft()
    made = grown.engine.store.revisions(1)[0]
    assert (made.number, made.who, made.comment) == (4, "root", "it was better")
    assert grown.engine.history.diff(1, 4).changes == ()


def test_one_may_go_back_and_forth(grown: Site) -> None:
    """Each revision, also that of going back, can be returned to."""
    go_back(grown, 1)
    go_back(grown, 3)
    assert grown.content(CONF) == b"greeting hey\nport 7001\n"
    assert guests(grown) == ["ada"]
    go_back(grown, 2)
    assert grown.content(CONF) == b"greeting hi\nport 7000\n"
    assert grown.content("/etc/greeter.secret") == b"password hunter2 hunter2\n"


def test_the_edits_are_made_by_who_goes_back(grown: Site) -> None:
    """Not by those who made them at first."""
    grown.engine.actor = Actor("grace", "web")
    go_back(grown, 2)
    changes = grown.engine.store.changes_of(4)
    assert {("grace", "web")} == {(change.who, change.origin) for change in changes}


def test_the_audit_log_has_the_edits_and_whether_they_were_saved(grown: Site) -> None:
    """Looking leaves no trace; what is taken back is told; secrets are masked."""
    log = AuditLog(grown.engine.store)
    before = log.head()
    grown.engine.plan(back_to=Goal(1))
    assert log.head() == before
    grown.services.break_reload("greeterd")
    go_back(grown, 1)
    found = [entry for entry in reversed(log.entries()) if entry.seq > before]
    edits = [(e.subject, e.old, e.new) for e in found if e.event == "edit"]
    half = len(edits) // 2
    assert ("greeter.options.greeting", '"hey"', None) in edits[:half]
    assert sorted(map(str, edits[half:])) == sorted(
        str((s, new, old)) for s, old, new in edits[:half]
    )
    assert "hunter" not in str(found)
    go_back(grown, 1)
    saved = [entry.state for entry in log.entries() if entry.event == "edit" and entry.new is None]
    assert set(saved) == {"saved"}
    assert log.verify()[1] == ""


def test_the_plan_is_shown_before_anything_and_is_what_is_saved(grown: Site) -> None:
    """Looking leaves the draft empty; what was shown is agreed to by its id."""
    before = grown.tree()
    plan = grown.engine.plan(back_to=Goal(2))
    assert [(c.field, c.old, c.new) for c in plan.changes] == [
        ("greeting", "hey", "hi"), ("port", 7001, None)
    ]  # fmt: skip
    assert [item.path for item in plan.files] == [CONF]
    assert not grown.engine.store.has_draft()
    assert grown.tree() == before
    assert go_back(grown, 2, expected=plan.id).outcome == "committed"


@pytest.mark.parametrize("greeting", ["mine", "hi"])
def test_what_another_admin_edits_meanwhile_is_neither_saved_nor_lost(
    grown: Site, greeting: str
) -> None:
    """It is in the draft afterwards, though going back was undone; also what was wanted anyway."""

    def edit(event: Event) -> None:
        if event.phase == "act":
            actor = Actor("grace", "web")
            grown.engine.editor.set_form("greeter.options", {"greeting": greeting}, actor)

    grown.services.break_reload("greeterd")
    result = grown.engine.save(Request(back_to=Goal(2)), progress=edit)
    assert result.outcome == "rolled back"
    left = [(c.field, c.new, c.who) for c in grown.engine.store.draft_changes()]
    assert left == [("greeting", greeting, "grace")]


def test_rolling_back_an_enabled_module_stops_its_daemon_and_keeps_its_files(saved: Site) -> None:
    """Just as disabling it does."""
    saved.engine.disable(["greeter"])
    saved.save()
    kept = set(FileHistory(saved.engine.store).owned())
    saved.engine.enable(["greeter"])
    saved.set(greeting="hi")
    saved.save()
    go_back(saved, 2)
    daemon = saved.engine.registry.module("greeter").daemons[0]
    assert saved.engine.controls(daemon).state() is None
    assert saved.content(CONF) == b"greeting hi\nport 7000\n"
    assert saved.engine.context("running").enabled == ()
    assert set(FileHistory(saved.engine.store).owned()) == kept


@pytest.mark.parametrize("restore", [False, True])
def test_going_back_before_a_module_was_ever_enabled_disables_it(site: Site, restore: bool) -> None:
    """Its daemon stops, its file stays; or what stood there before is put back when asked."""
    site.machine.add_file(site.engine.instance.path(CONF), b"foreign\n")
    site.engine.editor.add_row("greeter.guests", {"name": "ada"}, site.engine.actor)
    site.save()
    site.engine.enable(["greeter"], consents=["greeter"])
    site.save()
    goal = Goal(1, restore=restore)
    plan = site.engine.plan(back_to=goal)
    assert (plan.disable, [str(a) for a in plan.services]) == (("greeter",), ["stop greeterd"])
    assert site.engine.save(Request(back_to=goal)).outcome == "committed"
    assert site.services.of("greeterd").stops == 1
    assert site.content(CONF) == (b"foreign\n" if restore else b"greeting hello\nport 7000\n")
    row = site.engine.store.record("running", "core.module_state", "greeter")
    assert row == ({"id": "greeter", "enabled": False, "restore": True} if restore else {})
    assert not site.engine.store.has_draft()


def test_a_module_is_enabled_again_with_the_consents_on_record(saved: Site) -> None:
    """Without them nobody has agreed, and nothing happens."""
    saved.engine.disable(["greeter"])
    saved.save()
    assert go_back(saved, 1).outcome == "committed"
    assert saved.services.of("greeterd").starts == 2
    saved.engine.disable(["greeter"])
    saved.save()
    saved.engine.store.drop_consents("greeter")
    saved.machine.remove_file(saved.engine.instance.path(CONF))
    with pytest.raises(ConsentNeeded, match="nobody has agreed"):
        go_back(saved, 1)
    assert not saved.engine.store.has_draft()


def test_a_hand_edit_is_asked_about_as_in_any_save(grown: Site) -> None:
    """Nothing of it is lost, and the draft is empty again."""
    path = grown.engine.instance.path(CONF)
    grown.machine.add_file(path, b"mine\n")
    with pytest.raises(ConsentNeeded, match="edited by hand"):
        go_back(grown, 2)
    assert grown.content(CONF) == b"mine\n"
    assert not grown.engine.store.has_draft()
    assert go_back(grown, 2, answers=[Answer(CONF, "take")]).outcome == "committed"
    assert len(grown.machine.list_directory(grown.engine.instance.state_path("replaced"))) == 1


@pytest.mark.parametrize("breakage", ["reload", "check", "interrupt"])
def test_what_fails_leaves_everything_and_an_empty_draft(grown: Site, breakage: str) -> None:
    """Undone, refused by the daemon's checker, or interrupted."""
    before = grown.tree()
    if breakage == "reload":
        grown.services.break_reload("greeterd")
        assert go_back(grown, 2).outcome == "rolled back"
    elif breakage == "check":
        grown.machine.fail("run", MailsteadError("no"), at=1)
        with pytest.raises(MailsteadError, match="no"):
            go_back(grown, 2)
    else:
        grown.machine.fail("service.reload", KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            go_back(grown, 2)
    assert grown.tree() == before
    assert grown.engine.store.revision() == 3
    assert not grown.engine.store.has_draft()


def test_other_changes_in_the_draft_are_refused_and_stay(grown: Site) -> None:
    """They would be mixed with those of going back."""
    grown.set(greeting="mine")
    for attempt in (lambda: grown.engine.plan(back_to=Goal(1)), lambda: go_back(grown, 1)):
        with pytest.raises(InvalidInput, match=r"other changes .*save.* or .*discard"):
            attempt()
    assert [c.new for c in grown.engine.store.draft_changes()] == ["mine"]


@pytest.mark.parametrize("number", [-1, 0, 4])
def test_a_revision_that_never_was_is_refused(grown: Site, number: int) -> None:
    """The last one is named."""
    with pytest.raises(NotFound, match=f"revision {number}: there is no such .*the last is 3"):
        go_back(grown, number)


def test_there_is_nothing_to_go_back_to(grown: Site) -> None:
    """Neither to the present revision, nor where nothing has changed since."""
    with pytest.raises(InvalidInput, match=r"present one: there is nothing to go back to"):
        go_back(grown, 3)
    grown.set(greeting="hi")
    grown.save()
    grown.set(greeting="hey")
    grown.save()
    with pytest.raises(InvalidInput, match=r"nothing has changed since"):
        go_back(grown, 3)


def test_nothing_is_saved_while_another_save_waits_to_be_confirmed(grown: Site) -> None:
    """And the draft is not touched."""
    grown.set(greeting="soon gone")
    grown.engine.save(Request(confirm=60))
    with pytest.raises(Unconfirmed, match="revision 4 waits"):
        go_back(grown, 1)
    assert not grown.engine.store.has_draft()


def test_only_one_modules_part_goes_back(site: Site, packages: Packages) -> None:
    """Its settings and whether it is enabled; the others stay as they are."""
    twins = (packages.add("greeter", greeter.MANIFEST, greeter.CODE, conf=greeter.CONF,
                          secret=greeter.SECRET), packages.add("clock", code=CLOCK))  # fmt: skip
    with reopened(site, *twins) as engine:
        both = Site(engine, site.machine, site.services)
        engine.enable(["clock", "greeter"], consents=["greeter"])
        assert both.save() == "committed"
        engine.editor.set_form("clock.options", {"zone": "CET"}, engine.actor)
        both.set(greeting="hi")
        engine.disable(["clock"])
        assert both.save() == "committed"
        assert go_back(both, 1, "clock").outcome == "committed"
        assert engine.store.record("running", "clock.options", "") == {}
        assert engine.context("running").enabled == ("clock", "greeter")
        assert engine.store.record("running", "greeter.options", "") == {"greeting": "hi"}
        with pytest.raises(InvalidInput, match="revision 1 of clock: nothing has changed since"):
            go_back(both, 1, "clock")
        with pytest.raises(ModuleUnavailable, match="no such module"):
            go_back(both, 1, "nonsense")


def test_a_module_that_is_gone_is_named(site: Site, packages: Packages) -> None:
    """It was enabled then; its settings could be restored, but it could not run."""
    clock = packages.add("clock", code=CLOCK)
    with reopened(site, clock) as engine:
        engine.enable(["clock"])
        assert engine.save().outcome == "committed"
        engine.editor.set_form("clock.options", {"zone": "CET"}, engine.actor)
        engine.disable(["clock"])
        assert engine.save().outcome == "committed"
    broken = packages.add("clock", code="raise RuntimeError('no clock')\n")
    words = {(): "is not installed any more", (broken,): "and broken: RuntimeError: no clock"}
    for sources, expected in words.items():
        with reopened(site, *sources) as engine:
            with pytest.raises(ModuleUnavailable, match=rf"clock: .*revision 1.*{expected}"):
                engine.save(Request(back_to=Goal(1)))
            assert not engine.store.has_draft()


def test_a_value_that_is_no_longer_accepted_is_named(grown: Site, packages: Packages) -> None:
    """The module was upgraded meanwhile."""
    code = greeter.CODE.replace("greeting: types.Text", "greeting: types.Port").replace(
        'field(default="hello", help="what it says")', "field(default=1)"
    )
    stricter = packages.add(
        "greeter", greeter.MANIFEST, code, conf=greeter.CONF, secret=greeter.SECRET
    )
    with reopened(grown, stricter) as engine:
        with pytest.raises(InvalidValue) as caught:
            engine.save(Request(back_to=Goal(2)))
        assert caught.value.where == "greeter.options.greeting"
        assert "'hi' is not a" in caught.value.problem
        assert "revision 2 cannot be returned to as it was" in caught.value.hint
        assert not engine.store.has_draft()


def test_no_module_is_left_without_one_that_it_needs(site: Site, packages: Packages) -> None:
    """Going back for one alone may take away what another needs."""
    clock = packages.add("clock", code=CLOCK)
    alarm = packages.add("alarm", 'depends = ["clock"]\nenable_depends = ["clock"]\n')
    with reopened(site, clock, alarm) as engine:
        engine.editor.set_form("clock.options", {"zone": "CET"}, engine.actor)
        engine.save()
        engine.enable(["clock", "alarm"])
        engine.save()
        with pytest.raises(InvalidInput, match="alarm: it would stay enabled without clock"):
            engine.save(Request(back_to=Goal(1, "clock")))
        assert not engine.store.has_draft()
        assert engine.save(Request(back_to=Goal(1))).outcome == "committed"
        assert engine.context("running").enabled == ()
