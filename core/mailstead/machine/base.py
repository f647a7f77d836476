"""The port to the outside: files, commands, processes, sockets, clock.

Nothing else in Mailstead touches them, so that every side effect can be counted, faked and
broken in tests. All paths are absolute and real (an instance's prefix is already in them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from mailstead.machine.conversation import Conversation, Submission, SubmissionStep
from mailstead.machine.handles import Gate, Lines, Programs, ReadStream, WriteStream
from mailstead.machine.values import (
    Completed,
    DatabaseState,
    FileState,
    Listener,
    NetworkInterface,
    Path,
    ProcessState,
    RowChange,
)


class DeadlineExceeded(BaseException):
    """Raised in code whose deadline is over; see `Machine.deadline`.

    It is no Exception, so that code that catches those is interrupted all the same.
    """


class Machine(Protocol):
    """Everything Mailstead may do to the machine. See `mailstead.machine.real`."""

    # files
    def read_file(self, path: Path, *, limit: int = 64 << 20) -> bytes:
        """Read a regular file. Raises FileNotFoundError, MachineError."""

    def stat_file(self, path: Path) -> FileState | None:
        """Tell what stands at ``path``; ``None`` when nothing does."""

    def read_link(self, path: Path) -> str | None:
        """Give what the symbolic link at ``path`` says; ``None`` where there is no link.

        Nobody need have meant it well: it is to be compared, not to be followed.
        """

    def list_directory(self, path: Path) -> tuple[str, ...]:
        """List names in a directory, sorted; empty when it does not exist."""

    def read_attributes(self, path: Path) -> Mapping[str, bytes]:
        """Read the extended attributes of a regular file, its access control list among them.

        Empty where the file system has none. Raises FileNotFoundError, MachineError.
        """

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
        """Write a whole file atomically.

        A temporary file in the same folder gets owner, attributes and mode before content;
        then fsync, rename, fsync of the folder. A link at ``path`` itself is refused, never
        followed; another name of the file (a hard link) keeps the old content.

        ``attributes`` are set exactly; ``None`` keeps those of the file that goes, and leaves
        a file where none was what its folder hands down. The mode is always as declared: it
        is the mask of an access control list, as after chmod(2). A list that cannot be set is
        an error; what the file system does not know and labels (``security.``) that are
        refused are passed over. Raises MachineError.
        """

    def write_scratch(self, path: Path, content: bytes) -> None:
        """Write a new file that nobody will miss: 0600, not synced, dated 1970.

        The date is for Postfix, which waits more than a second before it believes a main.cf
        that was just written (dict_load_file_xt in its source). Raises MachineError.
        """

    def read_stream(self, path: Path) -> AbstractContextManager[ReadStream]:
        """Open a regular file for reading. Raises FileNotFoundError, MachineError."""

    def replace_stream(
        self, path: Path, *, mode: int, uid: int, gid: int
    ) -> AbstractContextManager[WriteStream]:
        """Write a whole file atomically, piece by piece; an error leaves what was there.

        As with `replace_file` it gets owner and mode before content, and its name when it is
        whole and durable. Attributes of an older file are not kept. Raises MachineError.
        """

    def add_stream(
        self, path: Path, *, mode: int, uid: int, gid: int, modified: float
    ) -> AbstractContextManager[WriteStream]:
        """Write a new file, also in a folder that is another user's; it never replaces any.

        What stands at the path, also what came meanwhile, stays as it is. After a power failure
        the file is whole or not there. Raises MachineError.
        """

    def append_file(self, path: Path, content: bytes) -> None:
        """Add to the end of a file, which is made where it is missing: 0600, not synced.

        What was added is not lost when we are killed, but it may be when power fails.
        Raises MachineError.
        """

    def remove_file(self, path: Path) -> None:
        """Remove a file or link and fsync its folder; one that is gone already is no error."""

    def make_directory(self, path: Path, *, mode: int, uid: int, gid: int) -> None:
        """Make a directory (parents must exist) or set owner and mode of an existing one.

        Durable, like all that changes files, however often it was begun before.
        """

    def set_owner(self, path: Path, *, mode: int, uid: int, gid: int) -> None:
        """Set owner and mode of an existing file; durable. Raises MachineError."""

    def remove_tree(self, path: Path) -> None:
        """Remove a folder and all in it, following no link; gone already is no error."""

    def sweep(self, folder: Path) -> tuple[str, ...]:
        """Remove our temporary files that a crash left in a folder, and give their names.

        Only regular files go; a folder that does not exist has none. Raises MachineError.
        """

    def free_space(self, path: Path) -> int:
        """Give the bytes free to us on the file system that would hold ``path``."""

    def lock(self, path: Path) -> AbstractContextManager[None]:
        """Hold a kernel lock (flock) without waiting. Raises Locked, naming the holder."""

    # commands, users, packages
    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 60.0,
        stdin: str = "",
        background_output: Path | None = None,
    ) -> Completed:
        """Run a program by argument vector with LC_ALL=C and no terminal.

        ``background_output`` is a file for standard output and error, for commands that leave
        a daemon behind (the pipe would never close). Raises MachineError when the program is
        missing, cannot be started, or does not end within ``timeout`` seconds (it is killed).
        A status other than 0 is returned, not raised.
        """

    def run_lines(
        self, argv: Sequence[str], *, timeout: float = 60.0, longest: int = 1 << 20
    ) -> AbstractContextManager[Lines]:
        """Run a program as `run` does and read what it prints while it runs, line by line.

        Memory is bounded by the longest line: of one that is longer than ``longest`` bytes only
        so many are given. The program is killed when the block is left before it has ended, and
        when it does not end within ``timeout`` seconds, which is a MachineError; a status other
        than 0 is a CommandFailed after the last line. Raises MachineError when it cannot start.
        """

    def side_by_side(self) -> AbstractContextManager[Programs]:
        """Run several programs beside each other, so that a slow one holds up no other.

        Those that still run when the block is left are sent SIGTERM, and killed when they do
        not end within a few seconds.
        """

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
    ) -> AbstractContextManager[Gate]:
        """Take mail by LMTP on a Unix socket of a user's and hand it on to another; RFC 2033.

        A message that is not delivered for certain is answered by closing the connection: there
        are programs that take a refusal for leave to throw the message away. One whose header
        ``is_known`` is told to be delivered, and not handed on; a MailsteadError of its is a
        refusal. A StaysThere of its is none: the message is read to its end before the connection
        is closed, so that the program goes on with the next, however many stay. ``on_taken`` is
        told of one that the other took, before that is answered; after a MailsteadError of its no
        more are taken. Both are called in a thread of their own, with what was read by then: the
        whole header and maybe more. ``heading`` is a header line that each message is handed on
        with, above its own; they are not told of it.
        After many refusals nobody can connect any more. Raises MachineError.
        """

    def detach(self, argv: Sequence[str], *, log: Path) -> int:
        """Start a program that outlives us, in a session of its own, and give its process id.

        It reads nothing, and what it prints is appended to ``log`` (0600). Raises MachineError
        when it cannot be started.
        """

    def user(self, name: str) -> tuple[int, int] | None:
        """Give uid and primary gid of a system user."""

    def group(self, name: str) -> int | None:
        """Give the gid of a system group."""

    def owner_names(self, uid: int, gid: int) -> tuple[str, str]:
        """Give the names of a user id and a group id; empty where there is none."""

    def is_root(self) -> bool:
        """Tell whether this process may do everything."""

    def package_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """Give the versions of those Debian packages that are installed."""

    def available_version(self, name: str) -> str | None:
        """Give the version of a Debian package that would be installed."""

    def install_packages(self, names: Sequence[str]) -> None:
        """Install Debian packages. Raises CommandFailed with apt's own words."""

    # processes and sockets
    def process(self, pid: int) -> ProcessState | None:
        """Tell about a running process; a zombie is not running."""

    def me(self) -> ProcessState:
        """Tell about the process that we are."""

    def ancestors(self, pid: int) -> tuple[int, ...]:
        """Give the ids of a process's parents, nearest first."""

    def session(self) -> str:
        """Name the login connection of this process: another one has another name.

        It tells people's connections apart; it proves nothing about someone who would cheat.
        """

    def origin(self) -> str:
        """Tell people where this process was started from: ``ssh from 192.0.2.7``."""

    def listeners(self) -> tuple[Listener, ...]:
        """List listening TCP sockets."""

    def interfaces(self) -> tuple[NetworkInterface, ...]:
        """List network interfaces with their addresses."""

    def hostname(self) -> str:
        """Give the machine's host name as the system has it (may lack a domain)."""

    def converse(self, conversation: Conversation, *, timeout: float = 5.0) -> None:
        """Hold a conversation. Raises ProbeFailed with the turn that went wrong."""

    def submit(
        self, submission: Submission, *, timeout: float = 20.0
    ) -> tuple[SubmissionStep, ...]:
        """Hand a message to another server; gives the steps up to the first that fails."""

    def has_systemd(self) -> bool:
        """Tell whether the machine was booted with systemd."""

    # published rows
    def apply_rows(self, database: Path, changes: Sequence[RowChange]) -> None:
        """Apply row changes to a SQLite database in one transaction; safe to repeat."""

    # whole databases
    def copy_databases(self, copies: Mapping[Path, Path]) -> None:
        """Copy SQLite databases in use, all as they are at one moment, each to a new image.

        An image is 0600, durable, and holds nothing that was deleted. Raises MachineError.
        """

    def inspect_database(self, database: Path, tables: Sequence[str]) -> DatabaseState:
        """Look at a database or an image without changing it.

        Raises MachineError when it is damaged, or lacks one of the tables.
        """

    def restore_database(self, database: Path, image: Path) -> None:
        """Give a database the content of an image, in one transaction; safe to repeat.

        File, rights and readers of the database stay. Raises MachineError when the image is
        damaged or has other tables; nothing is changed then.
        """

    # time
    def boot_id(self) -> str:
        """Give the id of this boot of the machine; the next one has another."""

    def now(self) -> float:
        """Give wall-clock seconds since the epoch; for showing, never for ordering."""

    def boot_clock(self) -> float:
        """Give seconds since boot (CLOCK_BOOTTIME); for deadlines."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def deadline(self, seconds: float) -> AbstractContextManager[None]:
        """Interrupt a block after so many seconds, and again until it ends.

        DeadlineExceeded is raised in it. While a deadline inside of it runs, its own clock
        stands still. Code in C that does not return is not reached.
        """


class ServiceControl(Protocol):
    """Start, stop and look at one daemon; systemd, native commands or fake."""

    def state(self) -> ProcessState | None:
        """Give the daemon's main process; ``None`` when it does not run."""

    def start(self) -> None:
        """Start it; returns when its main process exists. Raises MachineError."""

    def stop(self) -> None:
        """Stop it and wait until it is gone. Raises MachineError."""

    def reload(self) -> None:
        """Make it read its configuration again, keeping its process."""

    def restart(self) -> None:
        """Stop and start it."""

    def at_boot(self) -> bool | None:
        """Tell whether it starts when the machine boots; ``None`` where that cannot be set."""

    def set_at_boot(self, wanted: bool) -> None:
        """Let it start when the machine boots, or not. Raises MachineError."""

    def describe(self, verb: str) -> str:
        """Give the command line a person would type for ``verb``."""

    def last_words(self) -> str:
        """Give the last lines of what it said; empty where nobody kept that. Raises nothing."""


def walk_parents(path: Path) -> Iterator[Path]:
    """Give the parents of a path from the root down, without the path itself."""
    yield from reversed(path.parents)
