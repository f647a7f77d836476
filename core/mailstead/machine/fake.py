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

from mailstead.errors import MachineError, ProbeFailed
from mailstead.machine.conversation import Conversation, Submission, SubmissionStep
from mailstead.machine.deadline import deadline
from mailstead.machine.fake_files import Node
from mailstead.machine.fake_services import FakeServices
from mailstead.machine.fake_streams import FakeStreams
from mailstead.machine.fake_world import (
    TICKS,
    Answer,
    Error,
    FakeCommands,
    FakeGate,
    FakeLines,
    FakeProcesses,
    FakePrograms,
    FakeTime,
    Fault,
    apply_row,
)
from mailstead.machine.handles import Gate, Lines, Programs
from mailstead.machine.lock import locked_by
from mailstead.machine.rows import check_change
from mailstead.machine.values import Completed, FileState, Path, ProcessState, RowChange

__all__ = ["FakeMachine", "FakeServices"]


class FakeMachine(FakeStreams):
    """A `Machine` that is all memory.

    Attributes (those of `FakeFacts` besides):
        tree: the files. Those of `add_file` and its like have all folders above them.
        rows: published rows by database, table and key.
        own: id of the process that is ours.
        answers: tells for a conversation whether it goes well.
        space: what `free_space` gives.
        time: both clocks; ``time.later`` lets things happen while others sleep.
        processes: what runs.
        gate: what came through gates for mail.
        haste: how many times shorter than declared deadlines are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.time = FakeTime()
        self.processes = FakeProcesses()
        self.commands = FakeCommands()
        self.answers: Callable[[Conversation], bool] = lambda _: True
        self.space = 1 << 30
        self.own = self.spawn("mailstead").pid
        self.gate = FakeGate()
        self.haste = 1.0
        self._locks: set[Path] = set()
        self.on_command(["useradd"], self.add_user)
        self.on_command(["adduser"], self.add_user)

    # for tests

    @property
    def calls(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Give every call so far: its name and what it was given."""
        return self.log.calls

    def fail(self, name: str, error: Error, *, at: int | None = 1, lasting: bool = False) -> None:
        """Raise an error at the nth call of a name from now on, before it has any effect.

        An OSError in a call on files arrives as MachineError, as it does from the real one.
        ``"*"`` counts calls of any name; ``at=None`` is every call.
        With ``lasting`` every later call of any name raises it too: the process is dead.
        """
        self.log.faults.append(Fault(name, error, at, lasting))

    def restart(self) -> None:
        """Let another process of ours go on: no fault waits, and the locks are free."""
        self.log.faults.clear()
        self._locks.clear()
        self.kill(self.own)
        self.own = self.spawn("mailstead").pid

    def on_command(self, prefix: Sequence[str], answer: Answer) -> None:
        """Script commands that begin so: an answer, or a function of the argument vector."""
        self.commands.script(prefix, answer)

    def add_file(
        self,
        path: str | Path,
        content: bytes,
        *,
        mode: int = 0o644,
        uid: int = 0,
        gid: int = 0,
        modified: float = 0.0,
    ) -> None:
        """Put a file in the tree."""
        self.tree.plant(Path(path), Node("file", mode, uid, gid, content, modified=modified))

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

    def reboot(self) -> None:
        """Boot anew: files and rows stay, processes, locks and the boot clock do not."""
        self.time.reboot()
        self.processes.reboot()
        self.own = self.spawn("mailstead").pid
        self._locks.clear()

    # files

    def read_file(self, path: Path, *, limit: int = 64 << 20) -> bytes:
        """Read a file."""
        with self._files(path, "read_file", missing=True):
            return self.tree.read(path, limit)

    def stat_file(self, path: Path) -> FileState | None:
        """Tell what stands at a path."""
        with self._files(path, "stat_file"):
            return self.tree.stat(path)

    def read_link(self, path: Path) -> str | None:
        """Give what a symbolic link says."""
        with self._files(path, "read_link"):
            return self.tree.link(path)

    def list_directory(self, path: Path) -> tuple[str, ...]:
        """List a folder."""
        with self._files(path, "list_directory"):
            return self.tree.names(path)

    def read_attributes(self, path: Path) -> Mapping[str, bytes]:
        """Read what is attached to a file."""
        with self._files(path, "read_attributes", missing=True):
            return self.tree.attributes(path)

    def replace_file(
        self,
        path: Path,
        content: bytes,
        *,
        mode: int,
        uid: int,
        gid: int,
        attributes: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write a file."""
        with self._files(path, "replace_file", content, mode, uid, gid):
            self.tree.replace(path, content, mode=mode, uid=uid, gid=gid, attributes=attributes)

    def write_scratch(self, path: Path, content: bytes) -> None:
        """Write a new file."""
        with self._files(path, "write_scratch", content):
            if self.tree.stat(path) is not None:
                raise FileExistsError(17, "File exists")
            self.tree.replace(path, content, mode=0o600, uid=0, gid=0)

    def append_file(self, path: Path, content: bytes) -> None:
        """Add to a file."""
        with self._files(path, "append_file", content):
            self.tree.append(path, content)

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

    def sweep(self, folder: Path) -> tuple[str, ...]:
        """Remove temporary files from a folder."""
        with self._files(folder, "sweep"):
            return self.tree.sweep(folder)

    def free_space(self, path: Path) -> int:
        """Give ``space``."""
        with self._files(path, "free_space"):
            return self.space

    def lock(self, path: Path) -> AbstractContextManager[None]:
        """Hold a lock."""
        return self._lock(path)

    # commands

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

    @contextmanager
    def run_lines(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 60.0,  # noqa: ARG002 -- a scripted command takes no time
        longest: int = 1 << 20,
    ) -> Iterator[Lines]:
        """Give the lines of the scripted answer."""
        self.log.note("run_lines", tuple(argv))
        yield FakeLines(tuple(argv), self.commands.answer(tuple(argv)), longest)

    @contextmanager
    def side_by_side(self) -> Iterator[Programs]:
        """Run programs that end at once."""
        self.log.note("side_by_side")
        yield FakePrograms(self.log, self.commands, self.time)

    @contextmanager
    def lmtp_gate(
        self,
        listen: Path,
        target: Path,
        *,
        uid: int,
        gid: int,
        is_known: Callable[[bytes], bool] | None = None,
        on_taken: Callable[[bytes], None] | None = None,
        heading: bytes = b"",
    ) -> Iterator[Gate]:
        """Give ``gate``, through which comes what it ``brings``."""
        self.log.note("lmtp_gate", listen, target, uid, gid, heading)
        self.gate.bring(is_known or (lambda _: False), on_taken or (lambda _: None))
        yield self.gate

    def detach(self, argv: Sequence[str], *, log: Path) -> int:
        """Let a process run that has the program's name."""
        with self._files(log, "detach", tuple(argv)):
            if self.tree.stat(log) is None:
                self.tree.replace(log, b"", mode=0o600, uid=0, gid=0)
        return self.spawn(Path(argv[0]).name).pid

    # processes and sockets (more in `FakeFacts`)

    def process(self, pid: int) -> ProcessState | None:
        """Look among the processes."""
        self.log.note("process", pid)
        return self.processes.running.get(pid)

    def me(self) -> ProcessState:
        """Give the process that stands for ours."""
        self.log.note("me")
        return self.processes.running[self.own]

    def ancestors(self, pid: int) -> tuple[int, ...]:
        """Give a process's parents."""
        self.log.note("ancestors", pid)
        return self.processes.ancestors(pid)

    def converse(self, conversation: Conversation, *, timeout: float = 5.0) -> None:  # noqa: ARG002
        """Ask ``answers``."""
        self.log.note("converse", conversation)
        if not self.answers(conversation):
            raise ProbeFailed("connecting: no connection: refused", where=str(conversation))

    def submit(
        self,
        submission: Submission,
        *,
        timeout: float = 20.0,  # noqa: ARG002 - the port's
    ) -> tuple[SubmissionStep, ...]:
        """Refuse to connect: no server is near."""
        self.log.note("submit", submission)
        return (SubmissionStep("connect", False, "connection refused"),)

    # published rows

    def apply_rows(self, database: Path, changes: Sequence[RowChange]) -> None:
        """Apply row changes to ``rows``; the database must be a file in the tree."""
        with self._files(database, "apply_rows", tuple(changes)):
            if self.tree.stat(database) is None:
                raise MachineError("the database does not exist", where=str(database))
            for change in changes:
                check_change(change)
            for change in changes:
                apply_row(self.rows.setdefault(database, {}), change)

    # time

    def boot_id(self) -> str:
        """Count the boots."""
        self.log.note("boot_id")
        return f"boot-{self.time.boots}"

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
