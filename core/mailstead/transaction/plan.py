"""Make the plan of a save: everything that can fail without touching anything, fails here.

Phases: validate, render, compare, check with the daemons' own tools on a staging tree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

import attrs

from mailstead.context import Context
from mailstead.errors import PlanError
from mailstead.guard import guarded, listed
from mailstead.hand_edits.answers import Answer, refuse_unfit
from mailstead.hand_edits.hand_edit import Judge
from mailstead.machine.base import Machine
from mailstead.module import Account, Check, Folder, Generated, Module, Problem
from mailstead.modules import ModuleState
from mailstead.registry import Registry
from mailstead.settings.decisions import Decisions
from mailstead.settings.edit import validate_changed
from mailstead.settings.file_history import FileHistory
from mailstead.transaction.absent import Absent
from mailstead.transaction.additions import NONE, Additions, read_additions
from mailstead.transaction.changes import FileChange, Plan, Rows, ServiceAction
from mailstead.transaction.check import Checker
from mailstead.transaction.contexts import Contexts
from mailstead.transaction.files import FileComparer, FileComparison
from mailstead.transaction.originals import Originals
from mailstead.transaction.ports import PortCheck
from mailstead.transaction.progress import Progress
from mailstead.transaction.publish import Publisher
from mailstead.transaction.render import Rendered, Renderer
from mailstead.transaction.services import Controls, ServicePlanner

SPARE_BYTES = 16 << 20  # what must stay free besides the files themselves


@attrs.frozen
class Planner:
    """Makes plans. Holds no state of its own besides compiled templates."""

    contexts: Contexts
    controls: Controls
    renderer: Renderer = attrs.field()

    @renderer.default
    def _make_renderer(self) -> Renderer:
        return Renderer(self.contexts.machine.deadline)

    @property
    def machine(self) -> Machine:
        """Give the machine."""
        return self.contexts.machine

    @property
    def registry(self) -> Registry:
        """Give the registry."""
        return self.contexts.registry

    def plan(
        self, progress: Progress, *, check: bool = True, answers: Iterable[Answer] = ()
    ) -> Plan:
        """Make the plan of the draft.

        Args:
            progress: told what is being done.
            check: also run the daemons' checkers on a staging tree.
            answers: what shall become of files edited by hand, besides what was decided.

        Raises PlanError, RenderError, CheckFailed; nothing has been changed then.
        """
        target = self.contexts.of("draft")
        running = self.contexts.of("running", facts=target.facts)
        self._validate(target, progress)
        progress.step("render", "rendering files")
        rendered = self._render(target)
        asked = {answer.path: answer for answer in answers}
        plan = self._compare(running, target, rendered, self._comparer(asked))
        refuse_unfit(plan.edits, asked.values())
        self._refuse_full_disk(plan)
        self._refuse_taken_ports(target, plan)
        return self._check(target, rendered, plan, progress) if check else plan

    def _validate(self, target: Context, progress: Progress) -> None:
        progress.step("validate", "checking settings")
        problems = list(validate_changed(self.contexts.store, self.contexts.schema))
        for name in target.enabled:
            problems += self._problems(name, target)
        if problems:
            raise _refusal(problems)

    def _problems(self, name: str, target: Context) -> Iterable[Problem]:
        validate = self.registry.module(name).validate
        if validate is None:
            return ()
        deadline = self.machine.deadline
        return guarded(deadline, name, "validate", lambda: listed(validate(target), Problem))

    def _render(self, target: Context) -> dict[str, tuple[Rendered, ...]]:
        additions = self.additions(target)
        return {
            name: self._render_module(name, target, additions.get(name, NONE))
            for name in target.enabled
        }

    def additions(self, target: Context) -> Mapping[str, Additions]:
        """Read what the admin adds to the enabled modules. Raises PlanError."""

        def templates_of(module: str) -> Collection[str]:
            return self.renderer.names(self.registry.package(module))

        instance = self.contexts.instance
        return read_additions(self.machine, instance, self.registry, target.enabled, templates_of)

    def _render_module(
        self, name: str, target: Context, additions: Additions
    ) -> tuple[Rendered, ...]:
        package = self.registry.package(name)
        files = self.renderer.files(name, self.registry.module(name), package, target, additions)
        owned = {item.path for item in self.registry.entry(name).manifest.paths}
        for item in files:
            if item.path not in owned:
                hint = "list it in the module's manifest.toml"
                raise PlanError("the file is not in its manifest", where=item.path, hint=hint)
        return files

    def _compare(
        self,
        running: Context,
        target: Context,
        rendered: dict[str, tuple[Rendered, ...]],
        comparer: FileComparer,
    ) -> Plan:
        store = self.contexts.store
        everything = {item.path: item for files in rendered.values() for item in files}
        found = comparer.compare(everything.values())
        found += self._departures(comparer, running, target, everything)
        files = found.changes
        changes = store.draft_changes()
        deadline = self.machine.deadline
        publisher = Publisher(self.registry, self.contexts.schema, running, target, deadline)
        absent = Absent(self.contexts, running.settings, target.settings)
        coming = tuple(name for name in target.enabled if not running.is_enabled(name))
        modules = {name: self.registry.module(name) for name in target.enabled}
        generated = self._missing_generated(modules)
        rows = publisher.rows(changes)
        services, watched = self._services(running, target, files, rows)
        return Plan(
            revision=store.revision(),
            changes=changes,
            enable=coming,
            disable=absent.leaving,
            packages=self._missing_packages(target.enabled),
            accounts=self._missing_accounts(modules),
            folders=self._folders(modules, coming),
            generated=generated,
            files=files,
            rows=rows,
            services=services,
            watched=watched,
            consents=self._missing_consents(files, generated),
            edits=found.edits,
            forgotten=absent.forgotten(files),
            notes=(*absent.notes(), *self._notes(running, target)),
            uses=_sources(everything.values()),
        )

    def _notes(self, running: Context, target: Context) -> Iterable[str]:
        for name in target.enabled:
            notes = self.registry.module(name).notes
            if notes is not None and running.is_enabled(name):
                call = partial(_told, notes, running, target)
                yield from guarded(self.machine.deadline, name, "notes", call)

    def _comparer(self, answers: Mapping[str, Answer]) -> FileComparer:
        reasons = {
            item.path: item.reason
            for entry in self.registry.entries.values()
            for item in entry.manifest.paths
        }
        history = FileHistory(self.contexts.store)
        judge = Judge(history.content, answers, Decisions(self.contexts.store).all())
        instance = self.contexts.instance
        return FileComparer(self.machine, instance, history.owned(), reasons, judge)

    def _departures(
        self,
        comparer: FileComparer,
        running: Context,
        target: Context,
        wanted: Collection[str],
    ) -> FileComparison:
        """Files to remove or put back: unwanted ones, and those of modules that leave."""
        originals = Originals(self.machine, self.contexts.instance)
        found = FileComparison()
        for name in target.enabled:
            found += comparer.removals(name, wanted)
        for name in self.contexts.chosen(running.settings):
            state = target.settings.row(ModuleState, name)
            if state is not None and not state.enabled:
                only = None if state.restore else self._drop_ins(name)
                found += comparer.restorations(name, wanted, originals, only)
        return found

    def _drop_ins(self, name: str) -> frozenset[str]:
        """Give the files of a module that would count without it; of a broken one none is known."""
        files = self.registry.module(name).files if name in self.registry.usable() else ()
        return frozenset(item.path for item in files if item.drop_in)

    def _missing_packages(self, modules: Sequence[str]) -> tuple[str, ...]:
        names = [p for name in modules for p in self.registry.entry(name).manifest.packages]
        unique = tuple(dict.fromkeys(names))
        present = self.machine.package_versions(unique) if unique else {}
        return tuple(name for name in unique if name not in present)

    def _missing_accounts(self, modules: dict[str, Module]) -> tuple[Account, ...]:
        found = (item for module in modules.values() for item in module.accounts)
        return tuple(item for item in found if self.machine.user(item.name) is None)

    def _folders(self, modules: dict[str, Module], coming: Sequence[str]) -> tuple[Folder, ...]:
        """Folders of modules that come; others only when one of theirs is gone."""
        instance = self.contexts.instance
        return tuple(
            item
            for name, module in modules.items()
            for item in module.folders
            if name in coming or self.machine.stat_file(instance.path(item.path)) is None
        )

    def _missing_generated(self, modules: dict[str, Module]) -> tuple[tuple[str, Generated], ...]:
        instance = self.contexts.instance
        return tuple(
            (name, item)
            for name, module in modules.items()
            for item in module.generated
            if self.machine.stat_file(instance.path(item.path)) is None
        )

    def _services(
        self,
        running: Context,
        target: Context,
        files: Sequence[FileChange],
        rows: Sequence[Rows],
    ) -> tuple[tuple[ServiceAction, ...], tuple[ServiceAction, ...]]:
        stopped = self.machine.list_directory(self.contexts.instance.state_path("stopped"))
        planner = ServicePlanner(
            self.registry, self.controls, running, target, frozenset(stopped), self.machine.deadline
        )
        actions = planner.actions(files, rows)
        return actions, planner.watched(actions)

    def _missing_consents(
        self, files: Iterable[FileChange], generated: Iterable[tuple[str, Generated]]
    ) -> tuple[tuple[str, str], ...]:
        wanted = [(item.module, item.path) for item in files if item.new is not None]
        wanted += [(name, item.path) for name, item in generated]
        modules = {name for name, _ in wanted}
        given = {name: self.contexts.store.consents(name) for name in modules}
        return tuple(pair for pair in wanted if pair[1] not in given[pair[0]])

    def _refuse_full_disk(self, plan: Plan) -> None:
        if plan.is_empty:
            return
        # Each file lies there up to three times: staged, temporary, and kept for undo.
        needed = 3 * sum(len(item.new.content) for item in plan.files if item.new) + SPARE_BYTES
        prefix = self.contexts.instance.prefix
        free = self.machine.free_space(prefix)
        if free < needed:
            problem = f"{free >> 20} MiB are free, {(needed >> 20) + 1} MiB are needed"
            raise PlanError(problem, where=str(prefix), hint="free some disk space")

    def _refuse_taken_ports(self, target: Context, plan: Plan) -> None:
        names = frozenset(item.daemon.name for item in plan.services if item.verb != "stop")
        if names:
            PortCheck(self.machine, self.registry, self.controls).refuse_taken(target, names)

    def _check(
        self,
        target: Context,
        rendered: dict[str, tuple[Rendered, ...]],
        plan: Plan,
        progress: Progress,
    ) -> Plan:
        if plan.packages or plan.accounts:
            names = ", ".join((*plan.packages, *(f"user {a.name}" for a in plan.accounts)))
            return attrs.evolve(plan, unchecked=f"checked once these exist: {names}")
        modules = self._checked_modules(target, plan)
        checks = [(name, item) for name in modules for item in self._checks_of(name, target)]
        if not checks:
            return plan
        progress.expect(len(checks))
        everything = [item for items in rendered.values() for item in items]
        Checker(self.machine, self.contexts.instance, progress).run(checks, everything, plan)
        return attrs.evolve(plan, checks=tuple(f"{name}: {item.title}" for name, item in checks))

    def _checks_of(self, name: str, target: Context) -> Iterable[Check]:
        declared = self.registry.module(name).checks

        def give() -> Iterable[Check]:
            return listed(declared(target) if callable(declared) else declared, Check)

        return guarded(self.machine.deadline, name, "checks", give)

    def _checked_modules(self, target: Context, plan: Plan) -> Collection[str]:
        """The modules whose files or settings change, and those whose daemons read such a file."""
        changed = [item.path for item in plan.files]
        edited = {item.section.partition(".")[0] for item in plan.changes}
        return [
            name
            for name in target.enabled
            if name in plan.enable
            or name in edited
            or any(item.module == name for item in plan.files)
            or any(
                path.startswith(tuple(daemon.reads))
                for daemon in self.registry.module(name).daemons
                for path in changed
            )
        ]


def _sources(files: Iterable[Rendered]) -> tuple[str, ...]:
    """Give the paths of the admin's additions that had a part in the files."""
    return tuple(sorted({part.source for item in files for part in item.added}))


def _refusal(problems: Sequence[Problem]) -> PlanError:
    lines = [
        f"{item.where}: {item.problem}" + (f" ({item.hint})" if item.hint else "")
        for item in problems
    ]
    return PlanError("\n".join(lines))


def _told(
    notes: Callable[[Context, Context], Iterable[str]], running: Context, target: Context
) -> tuple[str, ...]:
    return listed(notes(running, target), str)
