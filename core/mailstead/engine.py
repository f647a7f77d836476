"""Everything an integrator imports: open an instance, edit, plan, save, start and stop.

    with Engine.open("/srv/appliance") as engine:
        engine.editor.set_form("network.host", {"hostname": "mail"}, engine.actor)
        result = engine.save()

No global state: several engines can live in one process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from mailstead.context import Context
from mailstead.errors import InvalidInput, ModuleUnavailable, NotFound, RegistryError
from mailstead.hooks import Hooks
from mailstead.instance import Instance
from mailstead.instance_file import make_folders, read_instance, write_instance
from mailstead.machine.base import Machine
from mailstead.machine.values import Path
from mailstead.module import Daemon
from mailstead.modules import CORE, PATH, ModuleState
from mailstead.opening import open_recovered, real_machine, rebuild, service_control
from mailstead.registry import Registry
from mailstead.settings.audit import AuditLog
from mailstead.settings.cells import Actor, Tree
from mailstead.settings.edit import Editor
from mailstead.settings.schema import Schema
from mailstead.settings.store import Store
from mailstead.settings.view import Settings
from mailstead.status import ModuleStatus, StatusReader
from mailstead.transaction.contexts import Contexts

if TYPE_CHECKING:  # rendering and saving are imported when they are asked for
    from mailstead.explain.explanation import Explanation
    from mailstead.explain.origins import FileOrigins
    from mailstead.hand_edits.answers import Answer
    from mailstead.hand_edits.edits import Edits
    from mailstead.history.history import History
    from mailstead.journal.confirm import Confirmation
    from mailstead.journal.journal import Journal
    from mailstead.journal.records import Record
    from mailstead.journal.recover import Recovered, Recovery
    from mailstead.settings.rescue import Rescued
    from mailstead.transaction.changes import Plan
    from mailstead.transaction.plan import Planner
    from mailstead.transaction.probe import Prober
    from mailstead.transaction.progress import Listener, Progress
    from mailstead.transaction.request import Request, SaveResult
    from mailstead.transaction.rollback import Goal
    from mailstead.transaction.services import Controls


@attrs.define(slots=False)
class Engine:
    """One instance, opened."""

    instance: Instance
    machine: Machine
    registry: Registry
    store: Store
    schema: Schema
    actor: Actor
    controls: Controls
    contexts: Contexts
    recovered: Recovered | None = None

    @classmethod
    def init(cls, instance: Instance, *, machine: Machine | None = None) -> None:
        """Make an instance; completes a half-created one. Raises InstanceError."""
        machine = machine or real_machine()
        make_folders(machine, instance)
        Store.open(instance.state_path("state.db"), create=True).close()
        write_instance(machine, instance)
        if not instance.is_sandbox and machine.has_systemd():
            from mailstead.boot import install_unit

            install_unit(machine)

    @classmethod
    def open(
        cls,
        prefix: str | os.PathLike[str] = "/",
        *,
        machine: Machine | None = None,
        registry: Registry | None = None,
        actor: Actor | None = None,
        services: Controls | None = None,
        booting: bool = False,
    ) -> Engine:
        """Open an instance, after finishing what a save that was killed has left.

        Args:
            prefix: its folder.
            machine: another port to the outside (tests).
            registry: other plugins than the installed ones.
            actor: in whose name changes are made.
            services: another way to control daemons (tests).
            booting: the machine is starting: daemons do not run yet, and are left to it.

        Raises InstanceError, StoreDamaged.
        """
        machine = machine or real_machine()
        instance = read_instance(machine, Path(os.path.abspath(prefix)))  # noqa: PTH100
        controls = services or service_control(machine, instance)
        store, recovered = open_recovered(machine, instance, controls, booting=booting)
        with ExitStack() as stack:
            stack.callback(store.close)
            registry = registry or Registry.discover()
            registry = registry.including(_ever_enabled(store))
            hooks = Hooks(registry, machine.deadline)
            schema = _schema(registry, machine)
            stack.pop_all()
        return cls(
            instance=instance,
            machine=machine,
            registry=registry,
            store=store,
            schema=schema,
            actor=actor or Actor("root", "engine"),
            controls=controls,
            recovered=recovered,
            contexts=Contexts(instance, machine, registry, hooks, store, schema),
        )

    @classmethod
    def rebuild(
        cls, prefix: str | os.PathLike[str] = "/", *, machine: Machine | None = None
    ) -> Rescued:
        """Make a damaged store anew of what can be read of it; the damaged one is kept aside.

        Raises InstanceError, Locked, StoreDamaged.
        """
        machine = machine or real_machine()
        instance = read_instance(machine, Path(os.path.abspath(prefix)))  # noqa: PTH100
        return rebuild(machine, instance)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @cached_property
    def editor(self) -> Editor:
        """Give the editor of the draft."""
        return Editor(self.store, self.schema, self.machine.now)

    @cached_property
    def _planner(self) -> Planner:
        from mailstead.transaction.plan import Planner

        return Planner(self.contexts, self.controls)

    def context(self, tree: Tree = "running") -> Context:
        """Give a snapshot of running or of the draft."""
        return self.contexts.of(tree)

    def require_enabled(self, module: str) -> None:
        """Raise ModuleUnavailable unless a module is enabled in running."""
        self.registry.available(module)
        if module not in self.contexts.enabled(self.context_settings("running")):
            hint = f"run `mailstead enable {module}` and `mailstead save`"
            raise ModuleUnavailable("the module is not enabled", where=module, hint=hint)

    def context_settings(self, tree: Tree) -> Settings:
        """Give the settings view of a tree without finding facts."""
        return Settings(self.store, self.schema, tree)

    def status(self) -> tuple[ModuleStatus, ...]:
        """Tell every module's state, in dependency order."""
        return StatusReader(self).modules()

    def preview(self, modules: Sequence[str]) -> Plan:
        """Make the plan there would be with these modules enabled too; changes nothing."""
        with self.store.trial():
            self.enable(modules)
            from mailstead.transaction.progress import Progress

            return self._planner.plan(Progress(), check=False)

    def enable(self, modules: Sequence[str], consents: Iterable[str] = ()) -> None:
        """Enable modules in the draft.

        Args:
            modules: every module that must be enabled, dependencies first (`Registry.needed`).
            consents: the modules whose files and actions a person has read and agreed to.

        Raises ModuleUnavailable, InvalidInput.
        """
        for name in modules:
            self.registry.available(name)
        chosen = set(self.contexts.enabled(self.context_settings("draft")))
        for name in modules:
            missing = set(self.registry.entry(name).manifest.enable_depends) - chosen
            if missing:
                hint = f"enable {', '.join(sorted(missing))} first"
                raise InvalidInput("a module it depends on is disabled", where=name, hint=hint)
            chosen.add(name)
        with self.store.transaction():
            for name in modules:
                self._set_state(name, {"enabled": True, "restore": False})
            for name in consents:
                self._consent(name)

    def disable(self, modules: Sequence[str], *, restore: bool = False) -> None:
        """Disable modules in the draft, dependants first (`Registry.dependants`).

        One that cannot be used any more leaves its files (``restore`` puts back what stood
        there before all the same); its daemons are not known, so nobody stops them.

        Args:
            modules: every module to disable.
            restore: at Save also put back the files that stood there before.
        """
        enabled = set(self.contexts.chosen(self.context_settings("draft"))) - set(modules)
        for name in modules:
            still = sorted(enabled & set(self.registry.dependants(name)))
            if still:
                hint = f"disable {', '.join(still)} as well"
                raise InvalidInput("another module depends on it", where=name, hint=hint)
        with self.store.transaction():
            for name in modules:
                self._set_state(name, {"enabled": False, "restore": restore})

    def plan(
        self,
        progress: Listener | None = None,
        *,
        answers: Iterable[Answer] = (),
        back_to: Goal | None = None,
    ) -> Plan:
        """Make the plan of the draft; changes nothing. Raises PlanError and its kin.

        Args:
            progress: told what is being done.
            answers: what would become of files edited by hand.
            back_to: asks for the plan of going back instead; daemons check it when it is saved.
        """
        from mailstead.transaction.progress import Progress
        from mailstead.transaction.rollback import Rollback

        steps = _progress(Progress(total=2), progress)
        with Rollback(self.contexts, self.actor).tried(back_to):
            return self._planner.plan(steps, check=back_to is None, answers=answers)

    def origins(self, plan: Plan, *, back_to: Goal | None = None) -> Mapping[str, FileOrigins]:
        """Tell which module and changed setting is behind each changed line, by system path."""
        from mailstead.explain.attribution import attribute
        from mailstead.transaction.rollback import Rollback

        with Rollback(self.contexts, self.actor).tried(back_to):
            return attribute(self._planner, plan)

    def why(self, place: str) -> Explanation:
        """Tell what is behind a line of a file, as ``FILE:LINE``. Raises InvalidInput."""
        from mailstead.explain.why import explain

        return explain(self._planner, place)

    @property
    def edits(self) -> Edits:
        """Give the files edited by hand, and what can be done with them."""
        from mailstead.hand_edits.edits import Edits

        return Edits(self._planner, self.actor, self._turn)

    def save(
        self, request: Request | None = None, *, progress: Listener | None = None
    ) -> SaveResult:
        """Save the draft as the next revision, or leave everything as it was.

        Args:
            request: comment, agreed plan, what to do with hand edits, confirmation.
            progress: told each step.

        Raises Locked while another save runs, Unconfirmed while one waits to be confirmed,
        OperatorNeeded while an earlier one is not undone, PlanMoved when another plan was agreed
        to; MailsteadError when nothing was changed.
        """
        from mailstead.journal.watch import start_guard
        from mailstead.transaction.execute import Executor
        from mailstead.transaction.progress import Progress
        from mailstead.transaction.request import Request
        from mailstead.transaction.save import Save

        with self._turn():
            save = Save(
                planner=self._planner,
                executor=Executor(self.machine, self.controls),
                prober=self._prober(),
                journal=self.journal,
                recovery=self._recovery(progress),
                actor=self.actor,
                progress=_progress(Progress(total=2), progress),
                request=request or Request(),
                guard=lambda number: start_guard(self.machine, self.instance, number),
            )
            return save.run()

    @property
    def history(self) -> History:
        """Give the past: revisions, attempts, differences, plans that were shown."""
        from mailstead.history.history import History

        return History(self.machine, self.store, self.schema, self.actor, self._turn)

    @cached_property
    def journal(self) -> Journal:
        """Give the journal of saves."""
        from mailstead.journal.journal import Journal
        from mailstead.journal.journal_file import JournalFile

        file = JournalFile(self.machine, self.instance.state_path("journal"))
        return Journal(self.store, file)

    def recover(self, progress: Listener | None = None) -> Recovered | None:
        """Try again to undo a save that needed an operator. Raises Locked."""
        with self._turn():
            return self._recovery(progress).run(retry=True)

    def abandon(self) -> Record | None:
        """Give up undoing a save: what stands now counts as edited by hand. Raises Locked."""
        with self._turn():
            record = self.journal.unfinished()
            if record is None or record.phase != "needs operator":
                return None
            self.journal.ended(record.id, "abandoned", record.reason)
            return record

    def confirm(self) -> Record:
        """Confirm the save that waits for it. Raises Unconfirmed, NotFound, Locked."""
        with self._turn():
            return self._confirmation().confirm(self.actor, self.machine.session())

    def revert(self, progress: Listener | None = None) -> Recovered:
        """Undo the save that waits to be confirmed, now. Raises NotFound, Locked."""
        with self._turn():
            return self._confirmation(progress).revert(self.actor)

    def watch(self, number: int) -> Recovered | None:
        """Wait until a save is confirmed; undo it when nobody does in time."""
        from mailstead.journal.watch import Guard

        return Guard(self.machine, self.instance, self._recovery()).watch(number)

    def _turn(self) -> AbstractContextManager[None]:
        from mailstead.transaction.turn import turn

        return turn(self.machine, self.instance, self.journal)

    def _confirmation(self, progress: Listener | None = None) -> Confirmation:
        from mailstead.journal.confirm import Confirmation

        return Confirmation(self.journal, self._recovery(progress))

    def _recovery(self, progress: Listener | None = None) -> Recovery:
        from mailstead.journal.recover import Recovery
        from mailstead.transaction.progress import Progress

        steps = _progress(Progress(), progress)
        return Recovery(self.machine, self.instance, self.controls, self.store, steps)

    def discard(self) -> None:
        """Drop the draft: the working settings are the saved ones again."""
        with self._turn(), self.store.transaction():
            self.store.discard()
            self.audit("discarded", "all unsaved changes")

    @property
    def audit_log(self) -> AuditLog:
        """Give the audit log."""
        return AuditLog(self.store)

    def audit(self, event: str, subject: str) -> None:
        """Write down something that is done at once, in the name of who does it."""
        self.audit_log.note(event, subject, self.actor, self.machine.now())

    def start(self, module: str, progress: Listener | None = None) -> None:
        """Start a module's daemons and prove that they serve. Raises MachineError."""
        self._control(module, ("start",), progress)

    def restart(self, module: str, progress: Listener | None = None) -> None:
        """Stop and start a module's daemons with the saved configuration."""
        self._control(module, ("stop", "start"), progress)

    def stop(self, module: str) -> None:
        """Stop a module's daemons; they stay stopped, over a boot too, until started by hand."""
        with self.machine.lock(self.instance.state_path("lock")):
            self.require_enabled(module)
            self.audit("stop", module)
            mark = self._stopped_mark(module)
            self.machine.make_directory(mark.parent, mode=0o700, uid=0, gid=0)
            self.machine.replace_file(mark, b"", mode=0o600, uid=0, gid=0)
            for daemon in self.registry.module(module).daemons:
                control = self.controls(daemon)
                if control.state() is not None:
                    control.stop()
                if control.at_boot():
                    control.set_at_boot(wanted=False)

    def _control(self, module: str, verbs: Sequence[str], progress: Listener | None) -> None:
        from mailstead.transaction.daemons import DaemonQuestions
        from mailstead.transaction.progress import Progress

        with self.machine.lock(self.instance.state_path("lock")):
            self.require_enabled(module)
            self.audit("restart" if "stop" in verbs else "start", module)
            context = self.context("running")
            asked = [
                DaemonQuestions(self.machine.deadline, module, daemon)
                for daemon in self.registry.module(module).daemons
            ]
            proof = [(ask.daemon, ask.probes(context)) for ask in asked if ask.is_wanted(context)]
            self.machine.remove_file(self._stopped_mark(module))
            steps = _progress(Progress(total=len(proof) * 2), progress)
            for daemon, _ in proof:
                steps.step("act", f"{verbs[-1]} {daemon.name}")
                self._bring_up(daemon, verbs)
            self._prober().prove(proof, steps)

    def _bring_up(self, daemon: Daemon, verbs: Sequence[str]) -> None:
        control = self.controls(daemon)
        is_running = control.state() is not None
        if is_running and "stop" in verbs:
            control.stop()
        if not is_running or "stop" in verbs:
            control.start()
        if control.at_boot() is False:
            control.set_at_boot(wanted=True)

    def _prober(self) -> Prober:
        from mailstead.transaction.probe import Prober

        return Prober(self.machine, self.controls, self.instance.soak)

    def _stopped_mark(self, module: str) -> Path:
        return self.instance.state_path("stopped") / module

    def _set_state(self, module: str, values: dict[str, object]) -> None:
        if self.context_settings("draft").row(ModuleState, module) is None:
            self.editor.add_row(PATH, {"id": module, **values}, self.actor)
        else:
            self.editor.change_row(PATH, module, values, self.actor)

    def _consent(self, module: str) -> None:
        paths = [item.path for item in self.registry.entry(module).manifest.paths]
        self.store.add_consents(module, paths, self.actor, self.machine.now())
        self.audit("consent", module)


def _ever_enabled(store: Store) -> tuple[str, ...]:
    """Give the modules that running or the draft has enabled, installed or not."""
    schema = Schema()
    schema.add(CORE, [ModuleState])
    trees: tuple[Tree, Tree] = ("running", "draft")
    rows = (row for tree in trees for row in Settings(store, schema, tree).rows(ModuleState))
    return tuple(dict.fromkeys(row.id for row in rows if row.enabled))


def _schema(registry: Registry, machine: Machine) -> Schema:
    schema = Schema(machine.deadline)
    schema.add(CORE, [ModuleState])
    for name in registry.usable():
        if registry.entry(name).status != "available":
            continue  # what it needs was broken just now
        try:
            schema.add(name, registry.module(name).sections)
        except (RegistryError, NotFound, TypeError) as error:
            registry.mark_broken(name, f"its settings cannot be used: {error}")
    return schema


def _progress(progress: Progress, listener: Listener | None) -> Progress:
    if listener is not None:
        progress.listener = listener
    return progress
