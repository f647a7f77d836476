"""Random histories: edits, saves, faults, kills, recoveries, hand edits, going back, boots.

Whatever happens in whatever order, after each step one revision is whole and nothing that
somebody wrote by hand is lost. MAILSTEAD_HISTORIES sets how many are tried.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mailstead.engine import Engine
from mailstead.hand_edits.answers import Answer
from mailstead.settings.cells import Tree
from mailstead.settings.decisions import Choice
from mailstead.transaction.execute import Executor
from mailstead.transaction.rollback import Goal
from tests.core.packages import Packages
from tests.faults.calls import Act, Call, Calls
from tests.faults.harness import Action, Site, Told, save, short_folder
from tests.faults.kinds import KINDS, Struck
from tests.faults.scenarios import (
    CONF,
    GREETER,
    OTHER_LOGIN,
    WAIT,
    enable,
    greeter_machine,
    greeter_registry,
    invite,
    set_options,
)
from tests.faults.stages import look
from tests.faults.wholes import Found, deaf_daemons, lies_somewhere

HISTORIES = int(os.environ.get("MAILSTEAD_HISTORIES", "20"))
STEPS = 15
GREETINGS = st.sampled_from(["hello", "hi", "good day"])
GUESTS = st.sampled_from(["ada", "grace", "joan"])
FAULTS = st.sampled_from(sorted(KINDS))
POINTS = st.integers(1, 260)
CHOICES: st.SearchStrategy[Choice] = st.sampled_from(["take", "keep"])
LOGIN = "terminal 1000@100"


@attrs.frozen
class State:
    """What a tree of the settings says."""

    is_on: bool
    greeting: str
    guests: frozenset[str]

    @property
    def conf(self) -> bytes:
        """Give the file as it is rendered."""
        return f"greeting {self.greeting}\nport 7000\n".encode()


def state_of(engine: Engine, tree: Tree) -> State:
    """Read the settings."""
    enabled = engine.contexts.enabled(engine.context_settings(tree))
    greeting = engine.store.record(tree, "greeter.options", "").get("greeting", "hello")
    guests = frozenset(key for key, _ in engine.store.records(tree, "greeter.guests"))
    return State(GREETER in enabled, str(greeting), guests)


@attrs.define
class Soon(Struck):
    """A fault at the first call that it can strike from some point on."""

    def take(self, call: Call, act: Act, number: int) -> Any:
        """Wait for such a call."""
        if not self.met and number >= self.at and not self.kind.suits(call):
            return act()
        if not self.met:
            self.at = max(self.at, number)
        return Struck.take(self, call, act, number)


class Histories(RuleBasedStateMachine):
    """A site, and what of it must still be true.

    Attributes:
        past: what running was in each revision.
        base: what a save that waits to be confirmed goes back to.
        edits: what was written by hand, and is not theirs to lose.
        count: how often that was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(short_folder())
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        registry = greeter_registry(Packages(folder, patch))
        self.site = Site.make(folder / "site", greeter_machine(), registry)
        self.past = {0: self.running}
        self.base: State | None = None
        self.edits: list[bytes] = []
        self.count = 0

    def teardown(self) -> None:
        """Leave nothing."""
        self.stack.close()

    @property
    def running(self) -> State:
        """Give what is served."""
        return self.ask(lambda engine: state_of(engine, "running"))  # type: ignore[no-any-return]

    @property
    def draft(self) -> State:
        """Give what would be served after a save."""
        return self.ask(lambda engine: state_of(engine, "draft"))  # type: ignore[no-any-return]

    def ask(self, action: Action) -> Any:
        """Let a process do what must go well."""
        told = self.site.run(action)
        if told.error is not None:
            raise told.error
        return told.result

    def content(self) -> bytes:
        """Give what stands there; nothing where there is no file."""
        node = self.site.machine.tree.nodes.get(self.site.services.prefix / CONF.lstrip("/"))
        return node.content if node else b""

    def attempt(self, action: Action, *ends: State, kind: str = "", point: int = 0) -> Told:
        """Let a process do something, perhaps with a fault; running is one of the ends then."""
        before, conf = self.running, self.content()
        number = self.ask(lambda engine: engine.store.revision())
        told = self.site.run(action, Calls(Soon(KINDS[kind], point)) if kind else None)
        if kind == "reboot":
            self.site.boot()
        found = self.whole()
        now = self.running
        assert now in {before, *ends, *((self.base,) if self.base else ())}
        if found.revision == number:
            assert now == before
            assert self.content() == conf or self.base is not None
        self.past[found.revision] = now
        if not found.waits:
            self.base = None
        return told

    def whole(self) -> Found:
        """Look at the site, an operator having done what was asked where one was needed."""
        found = look(self.site)
        if found.open is not None and found.open.phase == "needs operator":
            assert found.open.commands
            self.ask(Engine.recover)
            found = look(self.site)
        return found

    def something_to_save(self) -> State:
        """Have a draft; gives it."""
        if self.draft == self.running:
            other = {"hello": "hi", "hi": "good day"}.get(self.draft.greeting, "hello")
            self.ask(lambda engine: set_options(engine, greeting=other))
        return self.draft

    def save_with(self, choice: Choice, **request: Any) -> Action:
        """Give a save that decides about each hand edit in the way."""

        def action(engine: Engine) -> Any:
            answers = [Answer(path, choice) for path in engine.plan().conflicts]
            return save(engine, answers=answers, **request)

        return action

    @initialize()
    def begin(self) -> None:
        """Have the module enabled more often than not."""
        self.ask(enable)
        self.attempt(save, self.draft)

    @rule(greeting=GREETINGS)
    def greet(self, greeting: str) -> None:
        """Edit the form."""
        self.ask(lambda engine: set_options(engine, greeting=greeting))

    @rule(guest=GUESTS)
    def invite(self, guest: str) -> None:
        """Add a row, or remove it when it is there."""
        if guest in self.draft.guests:
            table = "greeter.guests"
            self.ask(lambda engine: engine.editor.remove_row(table, guest, engine.actor))
        else:
            self.ask(lambda engine: invite(engine, guest))

    @rule()
    def toggle(self) -> None:
        """Enable or disable the module."""
        if self.draft.is_on:
            self.ask(lambda engine: engine.disable([GREETER]))
        else:
            self.ask(enable)

    @rule()
    def discard(self) -> None:
        """Drop the draft."""
        self.ask(Engine.discard)
        assert self.draft == self.running

    @rule()
    @precondition(lambda self: self.content())
    def edit_by_hand(self) -> None:
        """Edit the file, and have the daemon read it where it runs."""
        before = self.content()
        self.count += 1
        # Whoever edits an edit has seen it.
        self.edits = [edit for edit in self.edits if edit != before]
        self.edits.append(before + f"# edit {self.count}\n".encode())
        path = self.site.services.prefix / CONF.lstrip("/")
        self.site.machine.tree.nodes[path].content = self.edits[-1]
        control = self.site.services(self.site.registry.module(GREETER).daemons[0])
        if control.state() is not None:
            control.reload()

    @rule(choice=CHOICES)
    @precondition(lambda self: self.base is None)
    def save(self, choice: Choice) -> None:
        """Save; it works."""
        told = self.attempt(self.save_with(choice), draft := self.draft)
        assert told.error is None
        assert told.result.outcome in ("committed", "nothing to do")
        assert self.running == draft

    @rule(choice=CHOICES, kind=FAULTS, point=POINTS)
    @precondition(lambda self: self.base is None)
    def save_in_vain(self, choice: Choice, kind: str, point: int) -> None:
        """Save while something goes wrong, or the process is killed."""
        draft = self.something_to_save()
        told = self.attempt(self.save_with(choice), draft, kind=kind, point=point)
        assert KINDS[kind].is_deadly or told.is_told or isinstance(told.error, SystemExit)

    @rule(kind=FAULTS, point=POINTS)
    def open_in_vain(self, kind: str, point: int) -> None:
        """Look at it while something goes wrong: at most what was recovered is."""
        self.attempt(Engine.plan, kind=kind, point=point)

    @rule(choice=CHOICES, kind=st.none() | FAULTS, point=POINTS)
    @precondition(lambda self: self.base is None)
    def save_for_now(self, choice: Choice, kind: str | None, point: int) -> None:
        """Save so that it must be confirmed."""
        before, draft = self.running, self.something_to_save()
        self.site.machine.login = LOGIN
        action = self.save_with(choice, confirm=WAIT)
        self.attempt(action, draft, kind=kind or "", point=point)
        self.base = before if look(self.site).waits else None

    @rule(kind=st.none() | FAULTS, point=POINTS)
    @precondition(lambda self: self.base is not None)
    def confirm(self, kind: str | None, point: int) -> None:
        """Confirm it over another connection."""
        self.site.machine.login = OTHER_LOGIN
        self.attempt(Engine.confirm, kind=kind or "", point=point)

    @rule(kind=st.none() | FAULTS, point=POINTS)
    @precondition(lambda self: self.base is not None)
    def revert(self, kind: str | None, point: int) -> None:
        """Take it back."""
        self.attempt(Engine.revert, kind=kind or "", point=point)

    @rule(seconds=st.floats(1.0, WAIT))
    def wait(self, seconds: float) -> None:
        """Let time pass, and the clock on the wall jump."""
        self.site.machine.time.pass_by(seconds)
        self.site.machine.time.wall -= 1000 * seconds
        self.attempt(Engine.status)

    @rule()
    def boot(self) -> None:
        """Boot the machine."""
        self.attempt(Engine.status, kind="reboot", point=1000)

    @rule(choice=CHOICES, data=st.data(), kind=st.none() | FAULTS, point=POINTS)
    @precondition(lambda self: self.base is None and len(self.past) > 1)
    def go_back(self, choice: Choice, data: st.DataObject, kind: str | None, point: int) -> None:
        """Go back to a revision there was, with nothing in the draft."""
        self.ask(Engine.discard)
        others = [number for number, state in self.past.items() if number and state != self.running]
        if not others:
            return
        number = data.draw(st.sampled_from(others))
        goal = self.past[number]

        def action(engine: Engine) -> Any:
            answers = [Answer(path, choice) for path in engine.plan(back_to=Goal(number)).conflicts]
            return save(engine, answers=answers, back_to=Goal(number))

        told = self.attempt(action, goal, kind=kind or "", point=point)
        if kind is None:
            assert told.error is None
            assert self.running == goal
        self.ask(Engine.discard)

    @invariant()
    def one_revision_is_whole(self) -> None:
        """Files, rows and daemon are those of running; nothing is left, nothing lost."""
        found = look(self.site)
        assert found.faults == ()
        assert (found.open is None) == (self.base is None)
        now = self.running
        assert found.whole.daemons["greeterd"] == (now.is_on, now.is_on)
        assert list(deaf_daemons(self.site)) == []
        rows = [
            row["name"] for tables in found.whole.rows.values() for row in tables["guests"].values()
        ]
        assert set(rows) == (now.guests if now.is_on else set())
        if now.is_on:
            assert self.content() in {now.conf, *self.edits}
        assert all(lies_somewhere(self.site, edit) for edit in self.edits)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=HISTORIES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_a_broken_undo_is_found_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within some hundred histories, always the same ones: daemons are not told of old files."""
    monkeypatch.setattr(Executor, "undo_service", lambda *_, **__: None)
    some = settings(
        TestHistories.settings,
        max_examples=300, derandomize=True, database=None, phases=[Phase.generate],
    )  # fmt: skip
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Histories, settings=some)
