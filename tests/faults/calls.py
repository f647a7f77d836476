"""Every call a process makes to the outside, counted: machine, daemons, store.

One door for the three. Behind it a `Fault` may strike at a chosen call, and may go on striking
until the process ends. What does not pass this door has no effect.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, Protocol, cast
from unittest import mock

import attrs

from mailstead.machine.base import Machine, ServiceControl
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.module import Daemon
from mailstead.settings import store
from mailstead.settings.store_file import open_database

OPEN = "store open"
COMMIT = "store COMMIT"
WRITES = frozenset({
    "replace_file", "write_scratch", "make_directory", "apply_rows", "detach", "copy_databases",
    "restore_database",
})  # fmt: skip
CHANGES = WRITES | {
    "remove_file", "remove_tree", "set_owner", "sweep", "install_packages", "run",
    "service.start", "service.stop", "service.reload", "service.restart", "service.set_at_boot",
}  # fmt: skip
CLOCK = frozenset({"now", "boot_clock", "sleep"})
READ_STATEMENTS = ("SELECT", "PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")
_TABLE = re.compile(r"(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+(\w+)")
# Words for people, and a limit on our own thinking.
_NO_CALLS = frozenset({"describe", "last_words", "deadline"})

Act = Callable[[], Any]


class Killed(BaseException):
    """The process was killed: nothing in it can catch this and go on."""


@attrs.frozen
class Call:
    """A call: its name, what it was given, and on what."""

    name: str
    args: tuple[Any, ...]
    target: Any = attrs.field(eq=False, repr=False)

    @property
    def is_store(self) -> bool:
        """Tell whether it is the store's."""
        return self.name.startswith("store ")

    @property
    def lasts(self) -> bool:
        """Tell whether its effect outlives the process by itself."""
        return self.name in CHANGES or self.name == COMMIT

    @property
    def writes(self) -> bool:
        """Tell whether it takes space on the disk."""
        if self.is_store:
            return self.name != OPEN and self.name.split()[1] not in READ_STATEMENTS
        return self.name in WRITES

    def __str__(self) -> str:
        place = self.args[0] if self.args else ""
        return f"{self.name} {place.name}" if isinstance(place, PurePosixPath) else self.name


class Fault(Protocol):
    """What may go wrong; it lives as long as the process it is for."""

    def take(self, call: Call, act: Act, number: int) -> Any:
        """Let a call have its effect, or not. ``number`` counts from 1."""


@attrs.define
class Calls:
    """The calls of one process."""

    fault: Fault | None = None
    made: list[Call] = attrs.field(factory=list)

    def take(self, call: Call, act: Act) -> Any:
        """Count a call, and let it have its effect unless the fault says otherwise."""
        self.made.append(call)
        return self.fault.take(call, act, len(self.made)) if self.fault else act()

    def machine(self, machine: FakeMachine) -> Machine:
        """Give the door to a machine."""
        return cast("Machine", Door(self, machine, ""))

    def services(self, services: FakeServices) -> Callable[[Daemon], ServiceControl]:
        """Give the door to daemons."""
        return lambda daemon: cast("ServiceControl", Door(self, services(daemon), "service."))

    @contextmanager
    def store(self) -> Iterator[None]:
        """Let the statements of each store that is opened pass the door."""
        really = open_database

        def open_counted(path: Any, *, create: bool) -> Any:
            connection = self.take(Call(OPEN, (path,), None), lambda: really(path, create=create))
            return Statements(self, connection)

        with mock.patch.object(store, "open_database", open_counted):
            yield


class Door:
    """Passes every call of an object on, counted."""

    def __init__(self, calls: Calls, target: object, prefix: str) -> None:
        self._calls = calls
        self._target = target
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if name in _NO_CALLS:
            return found

        def pass_on(*args: Any, **more: Any) -> Any:
            call = Call(self._prefix + name, args, self._target)
            return self._calls.take(call, lambda: found(*args, **more))

        return pass_on


class Statements:
    """A connection to SQLite whose statements are counted."""

    def __init__(self, calls: Calls, connection: sqlite3.Connection) -> None:
        self._calls = calls
        self._connection = connection

    def execute(self, statement: str, values: Any = ()) -> Any:
        """Run a statement."""
        call = Call(f"store {_words(statement)}", (values,), self._connection)
        return self._calls.take(call, lambda: self._connection.execute(statement, values))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _words(statement: str) -> str:
    """Give what a statement does, and to which table where it changes one."""
    verb = statement.split(maxsplit=1)[0]
    table = _TABLE.match(statement)
    return f"{verb} {table[1]}" if table else verb
