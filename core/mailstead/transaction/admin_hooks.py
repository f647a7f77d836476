"""Programs of the admin's own that run before and after a save: see run-parts(8) for names.

Below ``/etc/mailstead/hooks``: ``pre-save.d`` and ``post-save.d`` for every save, and
``<module>/pre-save.d`` and ``<module>/post-save.d`` for saves that concern a module. A
program is given the hook's name, the plan's id and the instance's folder as arguments, and
the plan as JSON on standard input. Nothing secret is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import attrs

from mailstead.errors import CheckFailed, MachineError
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.machine.values import Path
from mailstead.settings.cells import mask
from mailstead.settings.schema import Schema
from mailstead.transaction.changes import Plan
from mailstead.transaction.progress import Phase, Progress

FOLDER = "/etc/mailstead/hooks"
SECONDS = 60.0  # for one program
NAME = re.compile(r"[A-Za-z0-9_-]+")
OTHERS_WRITE = 0o022
EXECUTE = 0o100
When = Literal["pre-save", "post-save"]


@attrs.frozen
class AdminHooks:
    """The hooks of one instance."""

    machine: Machine
    instance: Instance
    schema: Schema
    progress: Progress

    def before(self, plan: Plan) -> None:
        """Run what must agree to a save. Raises CheckFailed with the program's own words."""
        for path in self._programs("pre-save", plan):
            problem = self._run("pre-save", path, plan)
            if problem:
                hint = "nothing was changed; correct it, or move the program away"
                raise CheckFailed(problem, where=f"hook {path}", hint=hint)

    def after(self, plan: Plan, revision: int) -> tuple[str, ...]:
        """Run what is told of a save; gives what went wrong, which changes nothing any more."""
        found = []
        try:
            for path in self._programs("post-save", plan):
                problem = self._run("post-save", path, plan, revision)
                found += [f"hook {path}: {problem}"] if problem else []
        except MachineError as error:
            found.append(str(error))
        return tuple(found)

    def _programs(self, when: When, plan: Plan) -> Iterator[Path]:
        root = self.instance.path(FOLDER)
        folders = [root / f"{when}.d", *(root / name / f"{when}.d" for name in concerned(plan))]
        for folder in folders:
            for name in self.machine.list_directory(folder):
                if NAME.fullmatch(name):
                    yield folder / name

    def _run(self, when: When, path: Path, plan: Plan, revision: int = 0) -> str:
        phase: Phase = "check" if when == "pre-save" else "commit"
        self.progress.step(phase, f"{when} hook {path.name}")
        refusal = self._refusal(path)
        if refusal:
            return refusal
        argv = (str(path), when, plan.id, str(self.instance.prefix))
        text = json.dumps(self._told(plan, revision))
        try:
            done = self.machine.run(argv, timeout=SECONDS, stdin=text)
        except MachineError as error:
            return error.problem
        return "" if done.status == 0 else done.output or f"exit status {done.status}"

    def _refusal(self, path: Path) -> str:
        """Say why a program is not run: only root may have made it."""
        for place in (path, path.parent, self.instance.path(FOLDER)):
            state = self.machine.stat_file(place)
            if state is None or state.uid != 0 or state.mode & OTHERS_WRITE:
                return f"not run: {place} can be changed by others than root"
        state = self.machine.stat_file(path)
        if state is None or state.kind != "file" or not state.mode & EXECUTE:
            return "not run: it is not an executable file"
        return ""

    def _told(self, plan: Plan, revision: int) -> dict[str, Any]:
        changes = [mask(self.schema, change) for change in plan.changes]
        return {
            "plan": plan.id,
            "revision": revision or None,
            "base": plan.revision,
            "changes": [
                {"setting": c.where, "old": c.old, "new": c.new, "by": c.who} for c in changes
            ],
            "enable": plan.enable,
            "disable": plan.disable,
            "files": [{"path": item.path, "what": item.kind} for item in plan.files],
            "actions": [str(action) for action in plan.services],
        }


def concerned(plan: Plan) -> tuple[str, ...]:
    """Give the modules a plan concerns, in a stable order."""
    names: Iterable[str] = (
        *plan.enable,
        *plan.disable,
        *(change.section.partition(".")[0] for change in plan.changes),
        *(item.module for item in plan.files),
        *(action.module for action in plan.services),
    )
    return tuple(sorted(set(names)))
