"""Check the files that will stand there with the daemons' own tools, on a staging tree.

Where an admin's version stays or is merged, that is what is checked. When the tools refuse, it
is tried whether they would take ours in its place, so that the refusal can name the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from mailstead.errors import CheckFailed
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.module import Check
from mailstead.transaction.changes import Plan
from mailstead.transaction.progress import Progress
from mailstead.transaction.render import Rendered
from mailstead.transaction.stage import StagedFile, staged

Contents = Mapping[str, bytes | None]


@attrs.frozen
class Checker:
    """Runs the checks of modules over the files of a plan."""

    machine: Machine
    instance: Instance
    progress: Progress

    def run(
        self, checks: Sequence[tuple[str, Check]], rendered: Iterable[Rendered], plan: Plan
    ) -> None:
        """Run all checks. Raises CheckFailed with the checker's own words."""
        made = {item.path: item for item in rendered}
        files = {path: item.content for path, item in made.items()} | _results(plan)
        found = self._first_refusal(checks, files, made)
        if found:
            module, check, error = found
            names = self._by_hand((module, check), files, _ours(plan))
            raise _named(error, names) if names else error

    def _first_refusal(
        self,
        checks: Sequence[tuple[str, Check]],
        files: Contents,
        made: Mapping[str, Rendered],
    ) -> tuple[str, Check, CheckFailed] | None:
        with staged(self.machine, self.instance, _present(files, made)) as staging:
            for name, check in checks:
                self.progress.step("check", f"{name}: {check.title}")
                try:
                    staging.run(name, check)
                except CheckFailed as error:
                    return name, check, error
        return None

    def _by_hand(
        self, refused: tuple[str, Check], files: Contents, ours: Contents
    ) -> tuple[str, ...]:
        """Give the files edited by hand without which a check passes: one, or else all."""
        tries = [(path,) for path in ours] + ([tuple(ours)] if len(ours) > 1 else [])
        return next((paths for paths in tries if self._passes(refused, files, ours, paths)), ())

    def _passes(
        self, refused: tuple[str, Check], files: Contents, ours: Contents, paths: Iterable[str]
    ) -> bool:
        replaced = {**files, **{path: ours[path] for path in paths}}
        with staged(self.machine, self.instance, _present(replaced, {})) as staging:
            try:
                staging.run(*refused)
            except CheckFailed:
                return False
        return True


def _present(files: Contents, made: Mapping[str, Rendered]) -> Iterable[StagedFile]:
    """Give what is staged; of what was made, also which lines are the admin's own additions."""
    for path, content in files.items():
        if content is not None:
            is_made = path in made and made[path].content == content
            yield StagedFile(path, content, added=made[path].added if is_made else ())


def _results(plan: Plan) -> dict[str, bytes | None]:
    """Give what will stand where the plan changes a file, or leaves an edit alone."""
    changed = {item.path: item.new.content if item.new else None for item in plan.files}
    return {edit.path: edit.result for edit in plan.edits if edit.is_left_alone} | changed


def _ours(plan: Plan) -> dict[str, bytes | None]:
    """Give our versions of the files where an admin's stands, or is merged in."""
    by_hand = (edit for edit in plan.edits if not edit.asks and edit.choice != "take")
    return {edit.path: edit.ours for edit in by_hand}


def _named(error: CheckFailed, paths: Sequence[str]) -> CheckFailed:
    """Give the error naming the files edited by hand that it is about."""
    names = ", ".join(paths)
    hint = (f"with Mailstead's version of {names} it passes: correct what was edited by hand, or "
            f"take ours (`mailstead edits take {paths[0]}`)")  # fmt: skip
    return CheckFailed(error.problem, where=f"{error.where}: {names}", hint=hint)
