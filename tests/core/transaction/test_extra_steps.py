"""Further steps of a save, such as a restore's: their place, and what becomes of them."""

from __future__ import annotations

import attrs
import pytest

from mailstead.errors import MachineError
from mailstead.machine.values import Path, RowChange
from mailstead.transaction.changes import FileVersion, ServiceAction
from mailstead.transaction.daemons import DaemonQuestions
from mailstead.transaction.execute import Executor
from mailstead.transaction.request import Request
from mailstead.transaction.steps import ControlService, ReplaceFile, RestoreDatabase, Step
from tests.core.transaction.conftest import Site

KEY = "/etc/greeter.key"


@attrs.frozen
class Images:
    """A database that is to become another."""

    database: Path
    old: Path
    new: Path

    @property
    def step(self) -> RestoreDatabase:
        """Give the step."""
        return RestoreDatabase(self.database, self.old, self.new)


@pytest.fixture
def images(saved: Site) -> Images:
    """Give an image with the guest ada, and a database with the guest eve."""
    database = saved.engine.instance.path("/var/lib/greeter/guests.db")
    new, old = Path("/images/new"), Path("/images/old")
    saved.machine.add_directory("/images", mode=0o700)
    publish(saved, database, "ada")
    saved.machine.copy_databases({database: new})
    saved.machine.rows[database] = {}
    publish(saved, database, "eve")
    saved.machine.calls.clear()
    return Images(database, old, new)


def publish(site: Site, database: Path, name: str) -> None:
    """Add a guest."""
    site.machine.apply_rows(database, [RowChange("guests", {"name": name}, None, {"name": name})])


def guests(site: Site, images: Images) -> list[object]:
    """Give the guests in the database."""
    return [row["name"] for row in site.machine.rows[images.database]["guests"].values()]


def save(site: Site, *steps: Step) -> str:
    """Save with further steps."""
    return site.engine.save(Request(extra=lambda: steps)).outcome


def test_steps_alone_make_a_save(saved: Site, images: Images) -> None:
    """Nothing in the draft is changed, and it is a revision all the same."""
    assert save(saved, images.step) == "committed"
    assert guests(saved, images) == ["ada"]
    assert saved.engine.store.revision() == 2
    assert save(saved) == "nothing to do"


def test_they_are_taken_after_files_and_rows_before_services(saved: Site, images: Images) -> None:
    """A daemon that is told to read finds everything."""
    saved.set(greeting="hi")
    saved.engine.editor.add_row("greeter.guests", {"name": "joan"}, saved.engine.actor)
    save(saved, images.step)
    names = [name for name, args in saved.machine.calls
             if name in ("apply_rows", "restore_database", "service.reload")
             or (name == "replace_file" and str(args[0]).endswith("greeter.conf"))]  # fmt: skip
    assert names == ["replace_file", "apply_rows", "restore_database", "service.reload"]


def test_a_failure_brings_the_old_content_back(saved: Site, images: Images) -> None:
    """Also what came between the plan and the step."""
    publish(saved, images.database, "late")
    saved.set(greeting="hi")
    saved.services.of("greeterd").broken["reload"] = 1
    assert save(saved, images.step) == "rolled back"
    assert guests(saved, images) == ["eve", "late"]


def test_a_step_is_safe_to_repeat(saved: Site, images: Images) -> None:
    """Taken again after a crash it does not take the new content for the old one."""
    executor = executor_of(saved)
    for _ in range(2):
        executor.take(images.step)
    assert guests(saved, images) == ["ada"]
    for _ in range(2):
        executor.undo(images.step)
    assert guests(saved, images) == ["eve"]


def test_a_step_that_was_not_taken_is_undone_to_nothing(saved: Site, images: Images) -> None:
    """It was recorded, and the process died."""
    executor_of(saved).undo(images.step)
    assert guests(saved, images) == ["eve"]


def test_a_file_that_is_given_is_not_made(saved: Site) -> None:
    """A key that comes from elsewhere is not made first."""
    saved.machine.remove_file(saved.engine.instance.path(KEY))
    real = saved.engine.instance.path(KEY)
    step = ReplaceFile("greeter", KEY, real, None, FileVersion(b"given", 0o600, 0, 0))
    assert save(saved, step) == "committed"
    assert saved.content(KEY) == b"given"


def test_a_daemon_is_told_once(saved: Site) -> None:
    """When the plan acts on it too, the further action is left out; alone, it is proven."""
    daemon = saved.engine.registry.module("greeter").daemons[0]
    ask = DaemonQuestions(saved.machine.deadline, "greeter", daemon)
    probes = ask.probes(saved.engine.context("running"))
    action = ServiceAction("greeter", daemon, "reload", "a key changed", True, probes)
    saved.set(greeting="hi")
    assert save(saved, ControlService(action)) == "committed"
    assert saved.services.of("greeterd").reloads == 1
    assert save(saved, ControlService(action)) == "committed"
    assert saved.services.of("greeterd").reloads == 2
    saved.machine.answers = lambda _: False
    assert save(saved, ControlService(action)) == "rolled back"


def test_steps_that_cannot_be_given_change_nothing(saved: Site) -> None:
    """The error comes before anything is written."""

    def fail() -> tuple[Step, ...]:
        raise MachineError("no image")

    before = saved.tree()
    with pytest.raises(MachineError, match="no image"):
        saved.engine.save(Request(extra=fail))
    assert saved.tree() == before


def executor_of(site: Site) -> Executor:
    """Give what takes steps."""
    return Executor(site.machine, site.services)
