"""Random edits, saves, failures and discards: running, files and daemons always agree."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mailstead.errors import InvalidInput
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.testing import fake_engine
from mailstead.transaction.request import Request
from mailstead.transaction.rollback import Goal
from tests.core import greeter
from tests.core.packages import Packages
from tests.core.transaction.conftest import Site

GREETINGS = st.sampled_from(["hello", "hi", "good day"])
GUESTS = st.sampled_from(["ada", "grace", "joan"])


class RandomSaves(RuleBasedStateMachine):
    """A model of running and draft beside the real engine."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        packages = Packages(self.folder, self.patch)
        source = packages.add(
            "greeter", greeter.MANIFEST, greeter.CODE, conf=greeter.CONF, secret=greeter.SECRET
        )
        machine = FakeMachine()
        machine.available["greeterd"] = "1.0"
        services = FakeServices(machine)
        self.manager = fake_engine(
            self.folder, {source.name: source.package}, machine=machine, services=services
        )
        self.site = Site(self.manager.__enter__(), machine, services)
        self.running: tuple[bool, str, frozenset[str]] = (False, "hello", frozenset())
        self.draft = self.running
        self.saved = [self.running]

    def teardown(self) -> None:
        """Close the engine and leave nothing."""
        self.manager.__exit__(None, None, None)
        shutil.rmtree(self.folder)
        self.patch.undo()

    @rule(on=st.booleans())
    def toggle(self, on: bool) -> None:
        """Enable or disable the module."""
        if on:
            self.site.engine.enable(["greeter"], consents=["greeter"])
        elif self.draft[0] or self.running[0]:
            self.site.engine.disable(["greeter"])
        else:
            return
        self.draft = (on, *self.draft[1:])

    @rule(greeting=GREETINGS)
    def greet(self, greeting: str) -> None:
        """Change a form."""
        self.site.set(greeting=greeting)
        self.draft = (self.draft[0], greeting, self.draft[2])

    @rule(guest=GUESTS)
    def invite(self, guest: str) -> None:
        """Add a row, or remove it when it is there."""
        editor, actor = self.site.engine.editor, self.site.engine.actor
        if guest in self.draft[2]:
            editor.remove_row("greeter.guests", guest, actor)
        else:
            editor.add_row("greeter.guests", {"name": guest}, actor)
        self.draft = (*self.draft[:2], self.draft[2] ^ {guest})

    @rule()
    def save(self) -> None:
        """Save; it works."""
        assert self.site.save() in ("committed", "nothing to do")
        self._has_saved()

    def _has_saved(self) -> None:
        """Remember what is running by its revision."""
        self.running = self.draft
        if self.site.engine.store.revision() == len(self.saved):
            self.saved.append(self.running)

    @rule(fault=st.sampled_from(["start", "reload", "stop", "write", "probe"]))
    @precondition(lambda self: self.draft != self.running)
    def save_with_a_fault(self, fault: str) -> None:
        """Save while something breaks; either it did not matter or all is as before."""
        machine, services = self.site.machine, self.site.services
        if fault == "write":
            machine.fail("replace_file", OSError(28, "No space left on device"), at=3)
        elif fault == "probe":
            machine.fail("converse", KeyError("nonsense"), at=1)
        else:
            services.of("greeterd").broken[fault] = 1
        try:
            outcome = self.site.save()
        except Exception:  # noqa: BLE001 - refused before anything was changed
            outcome = "refused"
        machine.log.faults.clear()
        services.of("greeterd").broken.clear()
        if outcome in ("committed", "nothing to do"):
            self._has_saved()

    @rule(data=st.data())
    @precondition(lambda self: len(self.saved) > 1)
    def roll_back(self, data: st.DataObject) -> None:
        """Go back to any revision, where there is something to go back to."""
        number = data.draw(st.integers(1, len(self.saved) - 1))
        try:
            outcome = self.site.engine.save(Request(back_to=Goal(number))).outcome
        except InvalidInput:
            assert self.draft != self.running or self.saved[number] == self.running
            return
        assert outcome == "committed"
        self.draft = self.saved[number]
        self._has_saved()

    @rule()
    def discard(self) -> None:
        """Drop the draft."""
        self.site.engine.discard()
        self.draft = self.running

    @invariant()
    def everything_agrees(self) -> None:
        """Store, file, rows and daemon are those of one revision."""
        is_on, greeting, guests = self.running
        engine = self.site.engine
        assert ("greeter" in engine.context("running").enabled) == is_on
        daemon = engine.registry.module("greeter").daemons[0]
        assert (engine.controls(daemon).state() is not None) == is_on
        database = engine.instance.path("/var/lib/greeter/guests.db")
        rows = self.site.machine.rows.get(database, {}).get("guests", {})
        assert {str(row["name"]) for row in rows.values()} == (guests if is_on else set())
        if is_on:
            expected = f"greeting {greeting}\nport 7000\n".encode()
            assert self.site.content("/etc/greeter.conf") == expected


TestRandomSaves = RandomSaves.TestCase
TestRandomSaves.settings = settings(
    max_examples=30,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
