"""Save changes: validate, render, check, prepare, write, act, probe, commit; or undo it all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TypeVar

import attrs

from mailstead.context import Context
from mailstead.errors import ConsentNeeded, MachineError, MailsteadError
from mailstead.guard import WORK_SECONDS, guarded, one
from mailstead.hand_edits.answers import refuse_undecided
from mailstead.hand_edits.keeping import Keeper, recorded
from mailstead.history.settings_history import SettingsHistory
from mailstead.journal.journal import Journal
from mailstead.journal.records import Taken, Wait
from mailstead.journal.recover import Recovery
from mailstead.journal.undo import Undo, Undone
from mailstead.machine.base import Machine
from mailstead.module import Generated
from mailstead.settings.audit import AuditLog
from mailstead.settings.cells import Actor
from mailstead.settings.decisions import Decisions
from mailstead.settings.file_history import FileHistory
from mailstead.settings.store import Store
from mailstead.transaction.admin_hooks import AdminHooks
from mailstead.transaction.changes import FileVersion, Plan, ServiceAction
from mailstead.transaction.execute import Executor
from mailstead.transaction.moved import plan_moved
from mailstead.transaction.plan import Planner
from mailstead.transaction.probe import Prober
from mailstead.transaction.progress import Phase, Progress
from mailstead.transaction.request import Request, SaveResult
from mailstead.transaction.rollback import Rollback
from mailstead.transaction.steps import ControlService, MakeFolder, PublishRows, ReplaceFile, Step

RESERVE = 256 << 10  # besides the old files: names, folders, the journal's own end
T = TypeVar("T")


@attrs.define
class Save:
    """One save of the draft. The lock is held.

    ``guard`` starts the watch over a save that must be confirmed. ``plan_id`` is that of the
    plan that was agreed to; once packages are installed the plan is made again, without them.
    """

    planner: Planner
    executor: Executor
    prober: Prober
    journal: Journal
    recovery: Recovery
    actor: Actor
    progress: Progress
    request: Request
    guard: Callable[[int], None]
    number: int = 0
    covered: int = 0
    plan_id: str = ""
    taken: list[Taken] = attrs.field(factory=list)

    @property
    def hooks(self) -> AdminHooks:
        """Give the programs of the admin's own."""
        contexts = self.planner.contexts
        return AdminHooks(contexts.machine, contexts.instance, contexts.schema, self.progress)

    @property
    def _machine(self) -> Machine:
        return self.planner.machine

    @property
    def _store(self) -> Store:
        return self.planner.contexts.store

    def run(self) -> SaveResult:
        """Save.

        Raises Unconfirmed or OperatorNeeded while an earlier save is unfinished, MailsteadError
        when nothing was changed; once writing has begun, every failure is undone and told in
        the result.
        """
        again = self._saved_before()
        if again:
            return again
        self.recovery.settle()
        with Rollback(self.planner.contexts, self.actor).drafted(self.request.back_to):
            return self._run()

    def _saved_before(self) -> SaveResult | None:
        """Give the result for a plan that became a revision already: it was asked for twice.

        One that was not confirmed in time is undone first, and does not count.
        """
        if not self.request.expected:
            return None
        self.recovery.run()
        number = SettingsHistory(self._store).saved_as(self.request.expected)
        if number is None:
            return None
        served = self._store.revision()
        reason = f"already saved as revision {number}"
        return SaveResult("nothing to do", served, Plan(served), reason)

    def _run(self) -> SaveResult:
        self.covered = AuditLog(self._store).head()
        plan = self.planner.plan(self.progress, answers=self.request.answers)
        self._refuse_moved(plan)
        if plan.is_empty and not self.request.extra():
            self._drop_decisions(plan)
            return SaveResult("nothing to do", plan.revision, plan)
        self._refuse_without_consent(plan)
        self.hooks.before(plan)
        if plan.packages or plan.accounts:
            self._install(plan)
            plan = self.planner.plan(self.progress, answers=self.request.answers)
            self._refuse_without_consent(plan)
        self._announce(plan)
        try:
            return self._apply(plan, self._prepared(plan))
        finally:
            with suppress(MailsteadError):  # recovery does it again
                self.journal.file.conclude()

    def _refuse_moved(self, plan: Plan) -> None:
        self.plan_id = plan.id
        if self.request.expected not in ("", self.plan_id):
            schema = self.planner.contexts.schema
            raise plan_moved(self._store, schema, self.request.expected, plan)

    def _prepared(self, plan: Plan) -> tuple[Step, ...]:
        """Make what stays when the save is undone, then record all that is about to be done."""
        self._prepare(plan)
        steps = tuple(self._steps(plan))
        self.progress.expect(len(steps) + _probe_count(steps) + 1)
        self._keep_originals(plan)
        now = self._machine.now()
        self.number = self.journal.prepared(self.plan_id, plan.revision, self.actor, now, steps)
        return steps

    def _refuse_without_consent(self, plan: Plan) -> None:
        if plan.consents:
            modules = sorted({module for module, _ in plan.consents})
            paths = ", ".join(path for _, path in plan.consents)
            hint = f"run `mailstead enable {' '.join(modules)}` to read what it does and accept"
            raise ConsentNeeded(f"nobody has agreed to writing {paths}", hint=hint)
        refuse_undecided(plan.edits)

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
        extra = tuple(self.request.extra())
        given = {step.real for step in extra if isinstance(step, ReplaceFile)}
        acted = {item.daemon.name for item in plan.services}
        # A daemon that leaves is stopped with its own files, before others stand there.
        yield from (ControlService(item) for item in plan.services if item.verb == "stop")
        for name, item in plan.generated:
            path = target.path(item.path)
            if path in given:
                continue
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
        for step in extra:
            if not isinstance(step, ControlService) or step.action.daemon.name not in acted:
                yield step
        yield from (ControlService(item) for item in plan.services if item.verb != "stop")
        # What does not answer now is not ours to prove afterwards.
        yield from (
            ControlService(item)
            for item in plan.watched
            if self.prober.answers(item.daemon, item.old_probes)
        )

    def _apply(self, plan: Plan, steps: tuple[Step, ...]) -> SaveResult:
        try:
            if self.request.confirm:
                self.guard(self.number)
            for position, step in enumerate(steps):
                phase: Phase = "act" if isinstance(step, ControlService) else "write"
                self.progress.step(phase, str(step))
                self.journal.about_to(self.number, position)
                self.taken.append(Taken(step))
                self.executor.take(step)
            self.prober.prove([(a.daemon, a.probes) for a in _acted(steps)], self.progress)
            revision, wait = self._commit(plan)
        except Exception as error:  # noqa: BLE001 - whatever it is, the old state must return
            return self._roll_back(plan, steps, str(error) or type(error).__name__)
        except BaseException as error:
            self._roll_back(plan, steps, f"interrupted: {type(error).__name__}")
            raise
        if wait is None:
            self.journal.drop_copy(self.number)
        warnings = self.hooks.after(plan, revision)
        self.progress.finish("commit", f"saved as revision {revision}")
        return SaveResult("committed", revision, plan, wait=wait, warnings=warnings)

    def _keep_originals(self, plan: Plan) -> None:
        keeper = Keeper(self._machine, self.planner.contexts.instance, self.actor)
        for change in plan.files:
            keeper.keep(change)

    def _announce(self, plan: Plan) -> None:
        instance = self.planner.contexts.instance
        own = (instance.state_path(name) for name in ("", "journal", "originals", "replaced"))
        made = (instance.path(item.path) for item in plan.folders)
        files = (change.real.parent for change in plan.files)
        keys = (instance.path(item.path).parent for _, item in plan.generated)
        old = sum(len(change.old.content) for change in plan.files if change.old)
        self.journal.file.announce((*own, *made, *files, *keys), old + RESERVE)

    def _commit(self, plan: Plan) -> tuple[int, Wait | None]:
        now = self._machine.now()
        wait = self._wait() if self.request.confirm else None
        with self._store.transaction():
            comment = self.request.comment
            revision = self._store.commit(plan.changes, self.actor, now, comment, self.plan_id)
            self._record_files(plan, revision)
            self.journal.committed(self.number, revision, wait, covered=self.covered)
        return revision, wait

    def _record_files(self, plan: Plan, revision: int) -> None:
        history, now = FileHistory(self._store), self._machine.now()
        for change in plan.files:
            if change.edit and change.edit.choice:
                AuditLog(self._store).note(change.edit.choice, change.path, self.actor, now)
            if change.new is None or change.module in plan.disable:
                history.forget(change.path, change.module, revision)
            else:
                file, contents = recorded(change, change.new, revision, self.actor, now)
                history.record(file, *contents)
        owned = history.owned() if plan.forgotten else {}
        for path in plan.forgotten:
            history.forget(path, owned[path].module, revision)
        self._drop_decisions(plan)

    def _drop_decisions(self, plan: Plan) -> None:
        """Forget decisions that were carried out, and those that an answer took the place of."""
        answered = (answer.path for answer in self.request.answers)
        Decisions(self._store).drop((*answered, *(change.path for change in plan.files)))

    def _wait(self) -> Wait:
        machine, seconds = self._machine, self.request.confirm
        allowed = (self.actor.name, *self.request.allowed)
        deadline = machine.boot_clock() + seconds
        return Wait(deadline, machine.boot_id(), machine.session(), allowed, seconds)

    def _roll_back(self, plan: Plan, steps: tuple[Step, ...], reason: str) -> SaveResult:
        self.progress.step("undo", f"undoing: {reason.splitlines()[0]}")
        with suppress(MailsteadError):  # undoing may need no more room
            self.journal.file.release()
        rest = (Taken(step, begun=False) for step in steps[len(self.taken) :])
        undone = Undo(self.executor, self.prober, self.progress).run((*self.taken, *rest))
        reason = "\n".join((reason, *undone.remarks))
        self._note(undone, reason)
        if undone.is_whole:
            self.progress.finish("undo", "everything is as it was")
            return SaveResult("rolled back", plan.revision, plan, reason)
        return SaveResult("needs operator", plan.revision, plan, reason, undone.commands)

    def _note(self, undone: Undone, reason: str) -> None:
        """Record the end; where that fails, the next start finds nothing left to undo."""
        with suppress(MailsteadError, OSError):
            self.journal.ended(self.number, undone.phase, reason, undone.commands)


def _made(item: Generated, target: Context) -> bytes:
    return one(item.make(target), bytes)


def _acted(steps: tuple[Step, ...]) -> list[ServiceAction]:
    """Give the actions after which a daemon must serve."""
    found = [step.action for step in steps if isinstance(step, ControlService)]
    return [action for action in found if action.verb != "stop"]


def _probe_count(steps: tuple[Step, ...]) -> int:
    acted = _acted(steps)
    return sum(len(action.probes) for action in acted) + bool(acted)
