"""A save that dies at a chosen call, and the process that comes after it.

Every call through the Machine port and every statement of the store is a point. A process that
dies has no effect from then on: neither on the machine nor on the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs

from mailstead.engine import Engine
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.registry import Registry
from mailstead.settings.store import Store
from mailstead.transaction.save import Request, SaveResult


class Killed(BaseException):
    """The process was killed: nothing in it can catch this and go on."""


@attrs.define
class Site:
    """An instance over a fake machine, opened by one process after another."""

    folder: Path
    machine: FakeMachine
    services: FakeServices
    registry: Registry

    @contextmanager
    def process(self, **options: Any) -> Iterator[Engine]:
        """Open the instance as a process does; its store's statements are calls too."""
        with counted(self.machine):
            engine = Engine.open(
                self.folder, machine=self.machine, registry=self.registry,
                services=self.services, **options,
            )  # fmt: skip
            try:
                yield engine
            finally:
                engine.store._connection.close()

    def calls(self, action: Callable[[Engine], object]) -> int:
        """Count the points that an action passes, opening included."""
        before = len(self.machine.calls)
        with self.process() as engine:
            action(engine)
        return len(self.machine.calls) - before

    def die(self, point: int, action: Callable[[Engine], object], **options: Any) -> bool:
        """Let a process be killed at a point of an action; tells whether it came that far."""
        self.machine.fail("*", Killed(), at=point, lasting=True)
        died = False
        with suppress(Killed):
            try:
                with self.process(**options) as engine:
                    action(engine)
            except Killed:
                died = True
                raise
        self.machine.restart()
        return died


@contextmanager
def counted(machine: FakeMachine) -> Iterator[None]:
    """Count each statement of any store as a call of the machine's, which may fail or die."""
    run = Store.run

    def noted(self: Store, statement: str, values: Any = ()) -> Any:
        machine.log.note("store", statement.split(maxsplit=1)[0])
        return run(self, statement, values)

    Store.run = noted  # type: ignore[method-assign]
    try:
        yield
    finally:
        Store.run = run  # type: ignore[method-assign]


def save(engine: Engine) -> SaveResult:
    """Save whatever the draft is."""
    return engine.save(Request(comment="under test"))


def tree(machine: FakeMachine, root: Path, but: Sequence[str] = ()) -> dict[str, Any]:
    """Give all files below a folder with content and rights, but for those below some paths."""
    return {
        str(path): (node.content, node.mode, node.uid, node.gid, dict(node.attributes))
        for path, node in machine.tree.nodes.items()
        if node.kind == "file"
        and str(path).startswith(str(root))
        and not any(str(path).startswith(item) for item in but)
    }
