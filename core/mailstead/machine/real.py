"""The machine Mailstead runs on. Each method is a line to the module of its topic."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path as RealPath

from mailstead.machine import attributes as extended
from mailstead.machine import (
    commands,
    databases,
    files,
    lines,
    packages,
    probe,
    processes,
    programs,
    replace,
    rows,
    streams,
)
from mailstead.machine import deadline as deadlines
from mailstead.machine import lock as locks
from mailstead.machine import session as sessions
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


class RealMachine:
    """The `Machine` that has effects. It holds no state of its own."""

    def read_file(self, path: Path, *, limit: int = 64 << 20) -> bytes:
        """Read a regular file; trusted links are followed."""
        return files.read_file(path, limit=limit)

    def stat_file(self, path: Path) -> FileState | None:
        """Tell what stands at a path."""
        return files.stat_file(path)

    def read_link(self, path: Path) -> str | None:
        """Give what a symbolic link says."""
        return files.read_link(path)

    def list_directory(self, path: Path) -> tuple[str, ...]:
        """List the names in a folder."""
        return files.list_directory(path)

    def read_attributes(self, path: Path) -> Mapping[str, bytes]:
        """Read the extended attributes of a file."""
        return extended.read_attributes(path)

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
        """Write a whole file atomically."""
        replace.replace_file(path, content, mode=mode, uid=uid, gid=gid, attributes=attributes)

    def write_scratch(self, path: Path, content: bytes) -> None:
        """Write a scratch file."""
        replace.write_scratch(path, content)

    def read_stream(self, path: Path) -> AbstractContextManager[ReadStream]:
        """Open a file for reading piece by piece."""
        return streams.read_stream(path)

    def replace_stream(
        self, path: Path, *, mode: int, uid: int, gid: int
    ) -> AbstractContextManager[WriteStream]:
        """Write a whole file atomically, piece by piece."""
        return streams.replace_stream(path, mode=mode, uid=uid, gid=gid)

    def add_stream(
        self, path: Path, *, mode: int, uid: int, gid: int, modified: float
    ) -> AbstractContextManager[WriteStream]:
        """Write a new file that never replaces any."""
        return streams.add_stream(path, mode=mode, uid=uid, gid=gid, modified=modified)

    def append_file(self, path: Path, content: bytes) -> None:
        """Add to a file."""
        replace.append_file(path, content)

    def remove_file(self, path: Path) -> None:
        """Remove a file."""
        files.remove_file(path)

    def make_directory(self, path: Path, *, mode: int, uid: int, gid: int) -> None:
        """Make a folder, or set owner and mode of one."""
        files.make_directory(path, mode=mode, uid=uid, gid=gid)

    def set_owner(self, path: Path, *, mode: int, uid: int, gid: int) -> None:
        """Set owner and mode of a file."""
        files.set_owner(path, mode=mode, uid=uid, gid=gid)

    def remove_tree(self, path: Path) -> None:
        """Remove a folder and all in it."""
        files.remove_tree(path)

    def sweep(self, folder: Path) -> tuple[str, ...]:
        """Remove our temporary files from a folder."""
        return replace.sweep(folder)

    def free_space(self, path: Path) -> int:
        """Give the bytes free to us where a path would be."""
        return files.free_space(path)

    def lock(self, path: Path) -> AbstractContextManager[None]:
        """Hold a kernel lock."""
        return locks.lock(path)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 60.0,
        stdin: str = "",
        background_output: Path | None = None,
    ) -> Completed:
        """Run a program."""
        return commands.run(argv, timeout=timeout, stdin=stdin, background_output=background_output)

    def run_lines(
        self, argv: Sequence[str], *, timeout: float = 60.0, longest: int = 1 << 20
    ) -> AbstractContextManager[Lines]:
        """Run a program and read its lines while it runs."""
        return lines.run_lines(argv, timeout=timeout, longest=longest)

    def side_by_side(self) -> AbstractContextManager[Programs]:
        """Run programs beside each other."""
        return programs.side_by_side()

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
        """Hand mail on from one socket to another."""
        from mailstead.machine import lmtp

        return lmtp.lmtp_gate(
            listen, target, uid=uid, gid=gid, is_known=is_known, on_taken=on_taken, heading=heading
        )

    def detach(self, argv: Sequence[str], *, log: Path) -> int:
        """Start a program that outlives us."""
        return commands.detach(argv, log=log)

    def user(self, name: str) -> tuple[int, int] | None:
        """Give uid and primary gid of a user."""
        import pwd

        try:
            found = pwd.getpwnam(name)
        except KeyError:
            return None
        return found.pw_uid, found.pw_gid

    def group(self, name: str) -> int | None:
        """Give the gid of a group."""
        import grp

        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            return None

    def owner_names(self, uid: int, gid: int) -> tuple[str, str]:
        """Give the names of a user id and a group id."""
        import grp
        import pwd

        user = group = ""
        with suppress(KeyError):
            user = pwd.getpwuid(uid).pw_name
        with suppress(KeyError):
            group = grp.getgrgid(gid).gr_name
        return user, group

    def is_root(self) -> bool:
        """Tell whether this process is root."""
        return os.geteuid() == 0

    def package_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """Give the versions of installed packages."""
        return packages.package_versions(self, names)

    def available_version(self, name: str) -> str | None:
        """Give the version of a package that would be installed."""
        return packages.available_version(self, name)

    def install_packages(self, names: Sequence[str]) -> None:
        """Install packages."""
        packages.install_packages(self, names)

    def process(self, pid: int) -> ProcessState | None:
        """Tell about a running process."""
        return processes.process(pid)

    def me(self) -> ProcessState:
        """Tell about our own process."""
        return processes.me()

    def ancestors(self, pid: int) -> tuple[int, ...]:
        """Give the ids of a process's parents."""
        return processes.ancestors(pid)

    def session(self) -> str:
        """Name the login connection of this process."""
        return sessions.session(os.getpid())

    def origin(self) -> str:
        """Tell where this process was started from."""
        return sessions.origin(os.getpid())

    def listeners(self) -> tuple[Listener, ...]:
        """List listening TCP sockets."""
        return processes.listeners()

    def interfaces(self) -> tuple[NetworkInterface, ...]:
        """List network interfaces."""
        return processes.interfaces()

    def hostname(self) -> str:
        """Give the machine's host name."""
        return os.uname().nodename

    def converse(self, conversation: Conversation, *, timeout: float = 5.0) -> None:
        """Hold a conversation."""
        probe.converse(conversation, timeout=timeout)

    def submit(
        self, submission: Submission, *, timeout: float = 20.0
    ) -> tuple[SubmissionStep, ...]:
        """Hand a message to another server."""
        from mailstead.machine.submission import submit

        return submit(submission, timeout=timeout)

    def has_systemd(self) -> bool:
        """Tell whether systemd runs; see sd_booted(3)."""
        return RealPath("/run/systemd/system").is_dir()

    def apply_rows(self, database: Path, changes: Sequence[RowChange]) -> None:
        """Apply row changes to a SQLite database."""
        rows.apply_rows(database, changes)

    def copy_databases(self, copies: Mapping[Path, Path]) -> None:
        """Copy databases in use to images."""
        databases.copy_databases(copies)

    def inspect_database(self, database: Path, tables: Sequence[str]) -> DatabaseState:
        """Look at a database or an image."""
        return databases.inspect_database(database, tables)

    def restore_database(self, database: Path, image: Path) -> None:
        """Give a database the content of an image."""
        databases.restore_database(database, image)

    def boot_id(self) -> str:
        """Give the kernel's id of this boot; see random(4)."""
        return RealPath("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()

    def now(self) -> float:
        """Give wall-clock time."""
        return time.time()

    def boot_clock(self) -> float:
        """Give seconds since boot, suspended time counted."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def deadline(self, seconds: float) -> AbstractContextManager[None]:
        """Interrupt what takes longer."""
        return deadlines.deadline(seconds)
