"""A site that processes open one after another, and copies of it that cost a millisecond.

What outlives a process is a `World`: the fake machine with its daemons, and the store's file.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import attrs

from mailstead.engine import Engine
from mailstead.errors import MailsteadError
from mailstead.instance import STATE, Instance
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.machine.values import Path as MachinePath
from mailstead.registry import Registry
from mailstead.transaction.request import Request, SaveResult
from tests.faults.calls import Calls, Killed

DATABASE = f"{STATE.lstrip('/')}/state.db"
Action = Callable[[Engine], Any]


@attrs.frozen
class World:
    """Everything that is there while no process runs."""

    machine: FakeMachine
    services: FakeServices
    database: bytes


@attrs.frozen
class Told:
    """What a process told before it ended: a result, or why it ended otherwise."""

    result: Any = None
    error: BaseException | None = None

    @property
    def is_told(self) -> bool:
        """Tell whether somebody who waits for the process knows how it went."""
        return self.error is None or isinstance(self.error, MailsteadError)


@attrs.define
class Site:
    """An instance over a fake machine, opened by one process after another."""

    folder: Path
    machine: FakeMachine
    services: FakeServices
    registry: Registry

    @classmethod
    def make(cls, folder: Path, machine: FakeMachine, registry: Registry) -> Site:
        """Make an instance in which nothing is enabled yet."""
        prefix = MachinePath(folder)
        (folder / STATE.lstrip("/")).mkdir(parents=True)
        instance = Instance(prefix=prefix, kind="sandbox", addresses=("127.0.0.1",),
                            port_offset=10000, soak=1.0)  # fmt: skip
        Engine.init(instance, machine=machine)
        services = FakeServices(machine, prefix)
        for name in registry.usable():
            for daemon in registry.module(name).daemons:
                services.of(daemon.name).at_boot = False
        return cls(folder, machine, services, registry)

    def keep(self) -> World:
        """Give the world as it is now; no process runs."""
        machine, services = copy.deepcopy((self.machine, self.services), self._shared())
        machine.calls.clear()
        return World(machine, services, (self.folder / DATABASE).read_bytes())

    def restore(self, world: World) -> None:
        """Let the world be as it was."""
        for rest in ("-wal", "-shm"):
            (self.folder / f"{DATABASE}{rest}").unlink(missing_ok=True)
        (self.folder / DATABASE).write_bytes(world.database)
        pair = (world.machine, world.services)
        self.machine, self.services = copy.deepcopy(pair, self._shared())

    def _shared(self) -> dict[int, Any]:
        """Give what copies may share: paths, of which there are many, never change."""
        return {id(path): path for path in self.machine.tree.nodes}

    @contextmanager
    def process(self, calls: Calls | None = None, **options: Any) -> Iterator[Engine]:
        """Open the instance as a process does; it ends as if it were killed."""
        door = calls or Calls()
        with door.store() if calls else nullcontext():
            engine = Engine.open(
                self.folder, machine=door.machine(self.machine), registry=self.registry,
                services=door.services(self.services), **options,
            )  # fmt: skip
            try:
                yield engine
            finally:
                # What SQLite does when it is opened next after a kill: the rest is rolled back.
                engine.store._connection.close()

    def run(self, action: Action, calls: Calls | None = None, **options: Any) -> Told:
        """Let a process do something; tells how that ended. Locks are free afterwards."""
        try:
            with self.process(calls, **options) as engine:
                return Told(action(engine))
        except (Exception, Killed, SystemExit) as error:  # noqa: BLE001 - a test looks at it
            _forget_frames(error)
            return Told(error=error)
        finally:
            self.machine.restart()

    def boot(self) -> None:
        """Boot the machine: recovery first, then the daemons that start at boot."""
        self.machine.reboot()
        self.machine.restart()
        self.run(lambda _: None, booting=True)
        for name in self.registry.usable():
            for daemon in self.registry.module(name).daemons:
                if self.services.of(daemon.name).at_boot:
                    self.services(daemon).start()

    def mend(self) -> None:
        """Let daemons that were told to fail do so no more."""
        for daemon in self.services.daemons.values():
            daemon.broken.clear()
            daemon.deaths = 0


def _forget_frames(error: BaseException | None) -> None:
    """Let go of what the frames of an error hold: an unread cursor keeps its database open."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


@contextmanager
def short_folder() -> Iterator[Path]:
    """Give a temporary folder with a short name, in memory where that can be had."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="ms-", dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def save(engine: Engine, **request: Any) -> SaveResult:
    """Save whatever the draft is."""
    return engine.save(Request(comment="under test", **request))
