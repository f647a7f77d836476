"""Save changes: validate, render, check, prepare, write, act, probe, commit; or undo it all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Literal, TypeVar

import attrs

from mailstead.context import Context
from mailstead.errors import ConsentNeeded, MachineError, MailsteadError, PlanError, ProbeFailed
from mailstead.guard import WORK_SECONDS, guarded, one
from mailstead.machine.base import Machine
from mailstead.module import Generated
from mailstead.settings.cells import Actor, OwnedFile
from mailstead.settings.store import Store
from mailstead.transaction.changes import FileVersion, Plan, ServiceAction
from mailstead.transaction.execute import Executor
from mailstead.transaction.journal import Journal, MemoryJournal
from mailstead.transaction.originals import Originals
from mailstead.transaction.plan import Planner
from mailstead.transaction.probe import Prober
from mailstead.transaction.progress import Phase, Progress
from mailstead.transaction.steps import ControlService, MakeFolder, PublishRows, ReplaceFile, Step

T = TypeVar("T")
Outcome = Literal["committed", "rolled back", "needs operator", "nothing to do"]


@attrs.frozen
class SaveResult:
    """How a save ended; never "state unknown".

    Attributes:
        reason: what went wrong, in the daemon's own words where there are any.
        commands: what an operator must run, when the old state could not be proven.
    """

    outcome: Outcome
    revision: int
    plan: Plan
    reason: str = ""
    commands: tuple[str, ...] = ()


@attrs.define
class Save:
    """One save of the draft."""

    planner: Planner
    executor: Executor
    prober: Prober
    actor: Actor
    progress: Progress
    comment: str = ""
    overwrite: Collection[str] = ()
    journal: Journal = attrs.field(factory=MemoryJournal)

    @property
    def _machine(self) -> Machine:
        return self.planner.machine

    @property
    def _store(self) -> Store:
        return self.planner.contexts.store

    def run(self, expected: str = "") -> SaveResult:
        """Save; ``expected`` is the id of the plan that was agreed to, when one was.

        Raises MailsteadError when nothing was changed; once writing has begun, every failure
        is undone and told in the result.
        """
        plan = self.planner.plan(self.progress)
        if plan.is_empty:
            return SaveResult("nothing to do", plan.revision, plan)
        if expected and plan.id != expected:
            raise PlanError("the plan is no longer what was shown", hint="make the plan again")
        self._refuse_without_consent(plan)
        if plan.packages or plan.accounts:
            self._install(plan)
            plan = self.planner.plan(self.progress)
            self._refuse_without_consent(plan)
        self._prepare(plan)
        steps = tuple(self._steps(plan))
        self.progress.expect(len(steps) + _probe_count(plan) + 1)
        self.journal.prepared(plan.id)
        return self._apply(plan, steps)

    def _refuse_without_consent(self, plan: Plan) -> None:
        if plan.consents:
            modules = sorted({module for module, _ in plan.consents})
            paths = ", ".join(path for _, path in plan.consents)
            hint = f"run `mailstead enable {' '.join(modules)}` to read what it does and accept"
            raise ConsentNeeded(f"nobody has agreed to writing {paths}", hint=hint)
        edited = [path for path in plan.conflicts if path not in self.overwrite]
        if edited:
            hint = "look at `mailstead plan`; replace it with `save --overwrite FILE` (kept aside)"
            raise ConsentNeeded("edited by hand since the last save",
                                where=", ".join(edited), hint=hint)  # fmt: skip

    def _install(self, plan: Plan) -> None:
        """Install packages and make system users. These stay when the save is undone."""
        self.progress.expect(bool(plan.packages) + len(plan.accounts))
        if plan.packages:
            self.progress.step("install", f"installing {', '.join(plan.packages)}")
            self._machine.install_packages(plan.packages)
        for account in plan.accounts:
            self.progress.step("install", f"making the system user {account.name}")
            self._make_account(account.name, account.home)

    def _make_account(self, name: str, home: str) -> None:
        argv = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", home,
                "--shell", "/usr/sbin/nologin", "--", name]  # fmt: skip
        done = self._machine.run(argv)
        if done.status != 0 and self._machine.user(name) is None:
            raise MachineError(done.output, where=f"system user {name}")

    def _prepare(self, plan: Plan) -> None:
        """Make folders and what must exist once; old files stay as they are."""
        instance = self.planner.contexts.instance
        self.progress.expect(1)
        self.progress.step("prepare", "preparing folders and databases")
        for item in plan.folders:
            mode = item.files_mode
            path = instance.path(item.path)
            self.executor.take(MakeFolder(path, item.mode, item.owner, item.group, mode))
        target = self.planner.contexts.of("draft")
        for name in plan.enable:
            prepare = self.planner.registry.module(name).prepare
            if prepare:
                self._work(name, "prepare", partial(prepare, target, self._machine))

    def _work(self, module: str, what: str, call: Callable[[], T]) -> T:
        return guarded(self._machine.deadline, module, what, call, seconds=WORK_SECONDS)

    def _steps(self, plan: Plan) -> Iterator[Step]:
        target = self.planner.contexts.of("draft")
        # A daemon that leaves is stopped with its own files, before others stand there.
        yield from (ControlService(item) for item in plan.services if item.verb == "stop")
        for name, item in plan.generated:
            path = target.path(item.path)
            user, gid = self._machine.user(item.owner), self._machine.group(item.group)
            if user is None or gid is None:
                raise MachineError(f"no user {item.owner} or group {item.group}", where=item.path)
            made = self._work(name, f"making {item.path}", partial(_made, item, target))
            new = FileVersion(made, item.mode, user[0], gid)
            yield ReplaceFile(name, item.path, path, None, new)
        for change in plan.files:
            yield ReplaceFile(change.module, change.path, change.real, change.old, change.new)
        for rows in plan.rows:
            yield PublishRows(rows)
        yield from (ControlService(item) for item in plan.services if item.verb != "stop")

    def _apply(self, plan: Plan, steps: tuple[Step, ...]) -> SaveResult:
        try:
            self._keep_originals(plan)
            for step in steps:
                phase: Phase = "act" if isinstance(step, ControlService) else "write"
                self.progress.step(phase, str(step))
                self.journal.about_to(step)
                self.executor.take(step)
            self.prober.prove(
                [(a.daemon, a.probes) for a in plan.services if a.verb != "stop"], self.progress
            )
            revision = self._commit(plan)
        except Exception as error:  # noqa: BLE001 - whatever it is, the old state must return
            return self._roll_back(plan, str(error) or type(error).__name__)
        except BaseException as error:
            self._roll_back(plan, f"interrupted: {type(error).__name__}")
            raise
        self.journal.ended("committed")
        self.progress.finish("commit", f"saved as revision {revision}")
        return SaveResult("committed", revision, plan)

    def _keep_originals(self, plan: Plan) -> None:
        originals = Originals(self._machine, self.planner.contexts.instance)
        for change in plan.files:
            originals.keep(change)

    def _commit(self, plan: Plan) -> int:
        now = self._machine.now()
        with self._store.transaction():
            if self._store.draft_changes() != plan.changes:
                hint = "look at the new plan and save again"
                raise MachineError("the settings were edited while they were saved", hint=hint)
            revision = self._store.commit_draft(self.actor, now, self.comment, plan.id)
            for change in plan.files:
                if change.new is None or change.module in plan.disable:
                    self._store.forget_file(change.path)
                else:
                    self._store.record_file(
                        OwnedFile(change.path, change.module, change.new.sha256,
                                  change.new.mode, revision)
                    )  # fmt: skip
            for path in plan.forgotten:
                self._store.forget_file(path)
        return revision

    def _roll_back(self, plan: Plan, reason: str) -> SaveResult:
        self.progress.step("undo", f"undoing: {reason.splitlines()[0]}")
        failures = self._undo_steps()
        acted = {step.action.daemon.name: step.action for step in self.journal.taken()
                 if isinstance(step, ControlService)}  # fmt: skip
        failures += self._prove_old(list(acted.values()))
        if failures:
            self.journal.ended("needs operator")
            commands = tuple(
                self.executor.controls(a.daemon).describe("restart" if a.was_running else "stop")
                for a in acted.values()
            )
            words = "\n".join((reason, *failures))
            return SaveResult("needs operator", plan.revision, plan, words, commands)
        self.journal.ended("rolled back")
        self.progress.finish("undo", "everything is as it was")
        return SaveResult("rolled back", plan.revision, plan, reason)

    def _undo_steps(self) -> list[str]:
        """Undo files and rows first, so that daemons are brought back with the old ones."""
        taken = self.journal.taken()
        services = [step for step in taken if isinstance(step, ControlService)]
        others = [step for step in taken if not isinstance(step, ControlService)]
        failures = []
        for step in (*others, *services):
            try:
                self.executor.undo(step)
            except (MailsteadError, OSError) as error:
                failures.append(f"could not undo {step}: {error}")
        return failures

    def _prove_old(self, actions: list[ServiceAction]) -> list[str]:
        served = [(a.daemon, a.old_probes) for a in actions if a.was_running]
        try:
            self.prober.prove(served, self.progress, "undo")
        except ProbeFailed as error:
            return [f"the old configuration does not serve: {error}"]
        return []


def _made(item: Generated, target: Context) -> bytes:
    return one(item.make(target), bytes)


def _probe_count(plan: Plan) -> int:
    acted = [action for action in plan.services if action.verb != "stop"]
    return sum(len(action.probes) for action in acted) + bool(acted)
