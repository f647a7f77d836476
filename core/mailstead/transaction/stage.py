"""Build the files that shall be in a staging tree and let the daemons' own tools check them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import attrs

from mailstead.errors import CheckFailed, MachineError
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.machine.values import Path
from mailstead.module import Check
from mailstead.transaction.added import Added, explain

_WORD = re.compile(r"\{(staged:)?(/[^}]*)\}")


@attrs.frozen
class StagedFile:
    """A file as it will stand after the save, for the checkers to read."""

    path: str
    content: bytes
    secret: bool = False
    added: tuple[Added, ...] = ()


@attrs.frozen
class Staging:
    """A staging tree below ``/var/lib/mailstead/staging``; removed after use."""

    machine: Machine
    instance: Instance
    root: Path
    files: tuple[StagedFile, ...] = ()

    def run(self, module: str, check: Check) -> None:
        """Run one check. Raises CheckFailed with the checker's own words."""
        argv = [self._word(word) for word in check.argv]
        where = f"module {module}: {check.title}"
        try:
            done = self.machine.run(argv, timeout=check.timeout)
        except MachineError as error:
            where = f"{where}: {argv[0]}"
            raise CheckFailed(error.problem, where=where, hint=error.hint) from error
        lines = done.output.splitlines()
        refused = [line for line in lines if line.startswith(check.refuse_output)]
        if refused or done.status != 0:
            said = "\n".join(refused) or done.stderr.strip() or done.output
            # People know the real path; the staged one is gone when they read this.
            words = said.replace(str(self.root), str(self.instance.prefix).rstrip("/"))
            hint = "nothing was changed; correct the setting and try again"
            lines = [words or f"exit status {done.status}", *self._explain(words)]
            raise CheckFailed("\n".join(lines), where=where, hint=hint)

    def _explain(self, words: str) -> tuple[str, ...]:
        made = {str(self.instance.path(item.path)): item.added for item in self.files}
        return explain(words, made)

    def _word(self, word: str) -> str:
        def real(match: re.Match[str]) -> str:
            path = match.group(2)
            return str(self.root / path.lstrip("/") if match.group(1) else self.instance.path(path))

        return _WORD.sub(real, word)


@contextmanager
def staged(machine: Machine, instance: Instance, given: Iterable[StagedFile]) -> Iterator[Staging]:
    """Make a staging tree of files, readable by root alone, and remove it afterwards.

    Each process has its own, so that one may plan while another saves.
    """
    files = tuple(given)
    root = staging_root(machine, instance)
    machine.remove_tree(root)
    try:
        for path in (root.parent, root):
            machine.make_directory(path, mode=0o700, uid=0, gid=0)
        made = {root}
        for item in files:
            target = root / item.path.lstrip("/")
            _make_parents(machine, root, target, made)
            machine.write_scratch(target, item.content)
        yield Staging(machine, instance, root, files)
    finally:
        machine.remove_tree(root)


def staging_root(machine: Machine, instance: Instance) -> Path:
    """Give where this process stages."""
    me = machine.me()
    return instance.state_path("staging") / f"{me.pid}-{me.started}"


def sweep_staging(machine: Machine, instance: Instance) -> None:
    """Remove staging trees of processes that are gone."""
    folder = instance.state_path("staging")
    for name in machine.list_directory(folder):
        pid, _, started = name.partition("-")
        owner = machine.process(int(pid)) if pid.isdigit() else None
        if owner is None or str(owner.started) != started:
            machine.remove_tree(folder / name)


def _make_parents(machine: Machine, root: Path, target: Path, made: set[Path]) -> None:
    for parent in reversed(target.parents):
        if root in parent.parents and parent not in made:
            machine.make_directory(parent, mode=0o700, uid=0, gid=0)
            made.add(parent)
