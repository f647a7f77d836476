"""A machine in memory, for tests of Mailstead and of modules: nothing real is touched.

It keeps to the same rules as the real one (the same tests run against both), writes down every
call in ``calls``, and fails on demand::

    machine = FakeMachine()
    machine.add_file("/etc/hosts", b"127.0.0.1 localhost")
    machine.on_command(["postfix", "check"], Completed(1, "", "bad"))
    machine.fail("replace_file", OSError(28, "No space left on device"), at=3)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from mailstead.errors import CommandFailed, MachineError, ProbeFailed
from mailstead.machine.base import (
    Completed,
    Conversation,
    FileState,
    Listener,
    NetworkInterface,
    Path,
    ProcessState,
    RowChange,
)
from mailstead.machine.deadline import deadline
from mailstead.machine.fake_files import FakeTree, Node
from mailstead.machine.fake_services import FakeServices
from mailstead.machine.fake_world import (
    Answer,
    CallLog,
    Error,
    FakeCommands,
    FakeProcesses,
    FakeTime,
    Fault,
)
from mailstead.machine.folders import refusals
from mailstead.machine.lock import locked_by
from mailstead.machine.rows import Value, check_change

__all__ = ["FakeMachine", "FakeServices"]

TICKS = 100
UNPRIVILEGED = 1000
NOBODY = 65534
Row = dict[str, Value]
Rows = dict[tuple[tuple[str, Value], ...], Row]


class FakeMachine:
    """A `Machine` that is all memory.

    Attributes:
        tree: the files. Those of `add_file` and its like have all folders above them.
        users: name to (uid, gid). ``groups``: name to gid.
        packages: installed packages with versions. ``available``: those that could be.
        listening: what `listeners` gives. ``network``: what `interfaces` gives.
        answers: tells for a conversation whether it goes well.
        rows: published rows by database, table and key.
        root, systemd, host_name, space: what the port's questions of that kind give.
        time: both clocks; ``time.later`` lets things happen while others sleep.
        processes: what runs.
        haste: how many times shorter than declared deadlines are.
    """

    def __init__(self) -> None:
        self.tree = FakeTree()
        self.log = CallLog()
        self.time = FakeTime()
        self.processes = FakeProcesses()
        self.commands = FakeCommands()
        self.users: dict[str, tuple[int, int]] = {"root": (0, 0), "nobody": (NOBODY, NOBODY)}
        self.groups: dict[str, int] = {"root": 0, "nogroup": NOBODY}
        self.packages: dict[str, str] = {}
        self.available: dict[str, str] = {}
        self.listening: list[Listener] = []
        self.network = [NetworkInterface("lo", ("127.0.0.1", "::1"), up=True)]
        self.answers: Callable[[Conversation], bool] = lambda _: True
        self.rows: dict[Path, dict[str, Rows]] = {}
        self.root = True
        self.systemd = False
        self.host_name = "mail"
        self.space = 1 << 30
        self.haste = 1.0
        self._locks: set[Path] = set()
        self.on_command(["useradd"], self._add_user)
        self.on_command(["adduser"], self._add_user)

    # for tests

    @property
    def calls(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Give every call so far: its name and what it was given."""
        return self.log.calls

    def fail(self, name: str, error: Error, *, at: int | None = 1) -> None:
        """Raise an error at the nth call of a name from now on, before it has any effect.

        An OSError in a call on files arrives as MachineError, as it does from the real one.
        ``"*"`` counts calls of any name; ``at=None`` is every call.
        """
        self.log.faults.append(Fault(name, error, at))

    def on_command(self, prefix: Sequence[str], answer: Answer) -> None:
        """Script commands that begin so: an answer, or a function of the argument vector."""
        self.commands.script(prefix, answer)

    def add_file(
        self, path: str | Path, content: bytes, *, mode: int = 0o644, uid: int = 0, gid: int = 0
    ) -> None:
        """Put a file in the tree."""
        self.tree.plant(Path(path), Node("file", mode, uid, gid, content))

    def add_directory(
        self, path: str | Path, *, mode: int = 0o755, uid: int = 0, gid: int = 0
    ) -> None:
        """Put a folder in the tree."""
        self.tree.plant(Path(path), Node("directory", mode, uid, gid))

    def add_link(self, path: str | Path, target: str, *, uid: int = 0) -> None:
        """Put a symbolic link in the tree."""
        self.tree.plant(Path(path), Node("link", 0o777, uid, uid, target=target))

    def spawn(self, name: str, *, parent: int = 1) -> ProcessState:
        """Let a process run."""
        return self.processes.spawn(name, parent=parent, started=int(self.time.boot * TICKS))

    def kill(self, pid: int) -> None:
        """End a process."""
        self.processes.kill(pid)

    # files

    def read_file(self, path: Path, *, limit: int = 64 << 20) -> bytes:
        """Read a file."""
        with self._files(path, "read_file", missing=True):
            return self.tree.read(path, limit)

    def stat_file(self, path: Path) -> FileState | None:
        """Tell what stands at a path."""
        with self._files(path, "stat_file"):
            return self.tree.stat(path)

    def list_directory(self, path: Path) -> tuple[str, ...]:
        """List a folder."""
        with self._files(path, "list_directory"):
            return self.tree.names(path)

    def replace_file(self, path: Path, content: bytes, *, mode: int, uid: int, gid: int) -> None:
        """Write a file."""
        with self._files(path, "replace_file", content, mode, uid, gid):
            self.tree.replace(path, content, mode=mode, uid=uid, gid=gid)

    def write_scratch(self, path: Path, content: bytes) -> None:
        """Write a new file."""
        with self._files(path, "write_scratch", content):
            if self.tree.stat(path) is not None:
                raise FileExistsError(17, "File exists")
            self.tree.replace(path, content, mode=0o600, uid=0, gid=0)

    def remove_file(self, path: Path) -> None:
        """Remove a file."""
        with self._files(path, "remove_file"):
            if self.tree.stat(path) is not None:
                self.tree.remove(path)

    def make_directory(self, path: Path, *, mode: int, uid: int, gid: int) -> None:
        """Make a folder."""
        with self._files(path, "make_directory", mode, uid, gid):
            self.tree.make_directory(path, mode=mode, uid=uid, gid=gid)

    def set_owner(self, path: Path, *, mode: int, uid: int, gid: int) -> None:
        """Set owner and mode of a file."""
        with self._files(path, "set_owner", mode, uid, gid):
            self.tree.set_owner(path, mode=mode, uid=uid, gid=gid)

    def remove_tree(self, path: Path) -> None:
        """Remove a folder and all in it."""
        with self._files(path, "remove_tree"):
            if self.tree.stat(path) is not None:
                self.tree.remove_tree(path)

    def free_space(self, path: Path) -> int:
        """Give ``space``."""
        with self._files(path, "free_space"):
            return self.space

    def lock(self, path: Path) -> AbstractContextManager[None]:
        """Hold a lock."""
        return self._lock(path)

    # commands, users, packages

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 60.0,  # noqa: ARG002 -- a scripted command takes no time
        stdin: str = "",
        background_output: Path | None = None,
    ) -> Completed:
        """Give the scripted answer; output goes to ``background_output`` when it is set."""
        self.log.note("run", tuple(argv), stdin)
        answer = self.commands.answer(tuple(argv))
        if background_output is None:
            return answer
        self.add_file(background_output, (answer.stdout + answer.stderr).encode(), mode=0o600)
        return Completed(answer.status, "", "")

    def user(self, name: str) -> tuple[int, int] | None:
        """Look in ``users``."""
        self.log.note("user", name)
        return self.users.get(name)

    def group(self, name: str) -> int | None:
        """Look in ``groups``."""
        self.log.note("group", name)
        return self.groups.get(name)

    def is_root(self) -> bool:
        """Give ``root``."""
        self.log.note("is_root")
        return self.root

    def package_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """Look in ``packages``."""
        self.log.note("package_versions", tuple(names))
        return {name: self.packages[name] for name in names if name in self.packages}

    def available_version(self, name: str) -> str | None:
        """Look in ``available`` and ``packages``."""
        self.log.note("available_version", name)
        return self.available.get(name, self.packages.get(name))

    def install_packages(self, names: Sequence[str]) -> None:
        """Move packages from ``available`` to ``packages``; unknown ones fail as with apt."""
        self.log.note("install_packages", tuple(names))
        known = {**self.packages, **self.available}
        for name in names:
            if name not in known:
                argv = ("apt-get", "install", *names)
                raise CommandFailed(argv, 100, f"E: Unable to locate package {name}")
        self.packages.update({name: known[name] for name in names})

    # processes and sockets

    def process(self, pid: int) -> ProcessState | None:
        """Look among the processes."""
        self.log.note("process", pid)
        return self.processes.running.get(pid)

    def ancestors(self, pid: int) -> tuple[int, ...]:
        """Give a process's parents."""
        self.log.note("ancestors", pid)
        return self.processes.ancestors(pid)

    def listeners(self) -> tuple[Listener, ...]:
        """Give ``listening``."""
        self.log.note("listeners")
        return tuple(self.listening)

    def interfaces(self) -> tuple[NetworkInterface, ...]:
        """Give ``network``."""
        self.log.note("interfaces")
        return tuple(self.network)

    def hostname(self) -> str:
        """Give ``host_name``."""
        self.log.note("hostname")
        return self.host_name

    def converse(self, conversation: Conversation, *, timeout: float = 5.0) -> None:  # noqa: ARG002
        """Ask ``answers``."""
        self.log.note("converse", conversation)
        if not self.answers(conversation):
            raise ProbeFailed("connecting: no connection: refused", where=str(conversation))

    def has_systemd(self) -> bool:
        """Give ``systemd``."""
        self.log.note("has_systemd")
        return self.systemd

    # published rows

    def apply_rows(self, database: Path, changes: Sequence[RowChange]) -> None:
        """Apply row changes to ``rows``; the database must be a file in the tree."""
        with self._files(database, "apply_rows", tuple(changes)):
            if self.tree.stat(database) is None:
                raise MachineError("the database does not exist", where=str(database))
            for change in changes:
                check_change(change)
            for change in changes:
                self._apply(self.rows.setdefault(database, {}), change)

    # time

    def now(self) -> float:
        """Give the wall clock."""
        self.log.note("now")
        return self.time.wall

    def boot_clock(self) -> float:
        """Give the boot clock."""
        self.log.note("boot_clock")
        return self.time.boot

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.log.note("sleep", seconds)
        self.time.pass_by(seconds)

    def deadline(self, seconds: float) -> AbstractContextManager[None]:
        """Interrupt what takes longer, really; it is no effect, and not in ``calls``."""
        return deadline(seconds / self.haste)

    @contextmanager
    def _files(
        self,
        path: Path,
        name: str,
        *args: Any,
        missing: bool = False,
    ) -> Iterator[None]:
        self.tree.me = 0 if self.root else UNPRIVILEGED
        with refusals(path, missing=missing):
            self.log.note(name, path, *args)
            yield

    @contextmanager
    def _lock(self, path: Path) -> Iterator[None]:
        with self._files(path, "lock"):
            true, _ = self.tree.find(path)
        if true in self._locks:
            raise locked_by(path, "another process")
        if self.tree.stat(true) is None:
            self.add_file(true, b"1\n", mode=0o600)
        self._locks.add(true)
        try:
            yield
        finally:
            self._locks.discard(true)

    def _apply(self, tables: dict[str, Rows], change: RowChange) -> None:
        table = tables.setdefault(change.table, {})
        key = tuple(sorted(change.key.items()))
        if change.new is None:
            table.pop(key, None)
        else:
            table[key] = {**table.get(key, {}), **change.new, **change.key}

    def _add_user(self, argv: Sequence[str]) -> Completed:
        taken = [uid for uid, _ in self.users.values() if uid < NOBODY]
        uid = max([999, *taken]) + 1
        self.users[argv[-1]] = (uid, uid)
        self.groups[argv[-1]] = uid
        return Completed(0, "", "")
