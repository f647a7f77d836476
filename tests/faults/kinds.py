"""The kinds of faults: what each does at its call, and at the calls after it.

``stop`` is a signal that asks the process to end, as the command line takes SIGTERM.
``reboot`` is a kill after which the machine boots before anybody looks.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from typing import Any

import attrs

from mailstead.errors import InstanceError, MachineError, Stopped
from mailstead.machine.fake_files import Node
from mailstead.machine.folders import refusal
from mailstead.machine.values import Path
from tests.faults.calls import CLOCK, COMMIT, OPEN, WRITES, Act, Call, Killed

STATEMENT_BYTES = 8 << 10  # what a statement may add to the write-ahead log
TEARABLE = frozenset({
    "replace_file", "write_scratch", "make_directory", "remove_tree", "copy_databases",
    "install_packages", "service.restart",
})  # fmt: skip
_SQLITE = {
    errno.EIO: (sqlite3.SQLITE_IOERR, "disk I/O error"),
    errno.ENOSPC: (sqlite3.SQLITE_FULL, "database or disk is full"),
    errno.EBUSY: (sqlite3.SQLITE_BUSY, "database is locked"),
}

Suits = Callable[[Call], bool]
Strike = Callable[["Struck", Call, Act], Any]


@attrs.define
class Struck:
    """A fault at one call of one process; see `tests.faults.calls.Fault`.

    Attributes:
        room: bytes that can be written although the disk is full, because they were freed.
        is_over: it strikes no more.
    """

    kind: Kind
    at: int
    met: bool = False
    room: int = 0
    is_over: bool = False

    def take(self, call: Call, act: Act, number: int) -> Any:
        """Strike at the call, and afterwards as the kind says."""
        if number < self.at:
            return act()
        if number == self.at:
            self.met = True
            return self.kind.strike(self, call, act)
        return act() if self.is_over else self.kind.later(self, call, act)


def _go_on(_: Struck, __: Call, act: Act) -> Any:
    return act()


@attrs.frozen
class Kind:
    """A kind of fault.

    Attributes:
        suits: the calls it can strike.
        strike: what it does there.
        later: what it does at each call after it.
        is_deadly: the process ends by it.
    """

    name: str
    suits: Suits
    strike: Strike
    later: Strike = _go_on
    is_deadly: bool = False


def failure(call: Call, number: int) -> Exception:
    """Give the error that a call raises when the system refuses it for a reason."""
    if call.name == OPEN:
        return InstanceError(f"cannot open the settings: {_SQLITE[number][1]}")
    if call.is_store:
        code, words = _SQLITE[number]
        error = sqlite3.OperationalError(words)
        error.sqlite_errorcode = code
        return error
    reason = OSError(number, os.strerror(number))
    if call.args and isinstance(call.args[0], Path):
        return refusal(call.args[0], reason)
    return MachineError(os.strerror(number).lower(), where=call.name)


def tear(call: Call) -> None:
    """Have half of a call's effect, as the real one leaves it when it dies in the middle."""
    nodes = call.target.tree.nodes if hasattr(call.target, "tree") else {}
    match call.name, call.args:
        case "replace_file", (path, content, *_):
            nodes[_temporary(path)] = Node("file", 0o600, content=content[: len(content) // 2])
        case "copy_databases", (copies, *_):
            nodes[_temporary(*copies.values())] = Node("file", 0o600, content=b"half")
        case "write_scratch", (path, content):
            nodes[path] = Node("file", 0o600, content=content[: len(content) // 2])
        case "make_directory", (path, *_) if path not in nodes:
            nodes[path] = Node("directory", 0o700)
        case "remove_tree", (path, *_):
            inside = sorted(node for node in nodes if node.is_relative_to(path))
            for node in inside[len(inside) // 2 + 1 :]:
                del nodes[node]
        case "install_packages", (names, *_):
            call.target.install_packages(names[: len(names) // 2])
        case "service.restart", _:
            call.target.stop()


def _temporary(path: Path) -> Path:
    """Give the temporary file that is renamed to a path."""
    return path.with_name(f".{path.name[:200]}.mailstead-{0:016x}")


def _die(_: Struck, __: Call, ___: Act) -> Any:
    raise Killed


def _die_after(_: Struck, __: Call, act: Act) -> Any:
    act()
    raise Killed


def _die_within(_: Struck, call: Call, __: Act) -> Any:
    tear(call)
    raise Killed


def _stop(_: Struck, __: Call, ___: Act) -> Any:
    raise Stopped(143)


def _fail(_: Struck, call: Call, __: Act) -> Any:
    raise failure(call, errno.EIO)


def _fail_after(_: Struck, call: Call, act: Act) -> Any:
    act()
    raise failure(call, errno.EIO)


def _is_full(_: Struck, call: Call, act: Act) -> Any:
    if not call.writes:
        return act()
    if call.is_store and call.target.in_transaction:
        call.target.execute("ROLLBACK")  # as SQLite does by itself
    raise failure(call, errno.ENOSPC)


def _is_full_but_for_what_is_freed(fault: Struck, call: Call, act: Act) -> Any:
    """Let others have every byte but those that were freed since; see the journal's reserve."""
    freed = _size_of_old(call)
    needed = _size(call)
    if call.writes and needed > fault.room:
        return _is_full(fault, call, act)
    done = act()
    fault.room += freed - needed
    return done


def _size(call: Call) -> int:
    if call.is_store:
        return STATEMENT_BYTES if call.writes else 0
    contents = [item for item in call.args if isinstance(item, bytes)]
    return sum(map(len, contents)) if call.name in WRITES else 0


def _size_of_old(call: Call) -> int:
    if call.name not in ("replace_file", "remove_file"):
        return 0
    state = call.target.tree.stat(call.args[0])
    return state.size if state else 0


def _is_busy(_: Struck, call: Call, act: Act) -> Any:
    if not _is_statement(call) or call.name == "store ROLLBACK":
        return act()
    raise failure(call, errno.EBUSY)


def _is_busy_for_now(fault: Struck, call: Call, act: Act) -> Any:
    """Refuse the statements of one transaction; what comes after it is served."""
    if not call.is_store:
        return act()
    if not call.target.in_transaction or call.name == "store ROLLBACK":
        fault.is_over = True
        return act()
    raise failure(call, errno.EBUSY)


def _any(_: Call) -> bool:
    return True


def _can_fail(call: Call) -> bool:
    return call.name not in CLOCK


def _lasts(call: Call) -> bool:
    return call.lasts


def _lasts_on_machine(call: Call) -> bool:
    return call.lasts and call.name != COMMIT


def _writes(call: Call) -> bool:
    return call.writes


def _is_statement(call: Call) -> bool:
    return call.is_store and call.name != OPEN


def _is_tearable(call: Call) -> bool:
    return call.name in TEARABLE


KINDS = {
    kind.name: kind
    for kind in (
        Kind("kill", _any, _die, _die, is_deadly=True),
        Kind("kill-after", _lasts, _die_after, _die, is_deadly=True),
        Kind("torn", _is_tearable, _die_within, _die, is_deadly=True),
        Kind("reboot", _lasts, _die, _die, is_deadly=True),
        Kind("stop", _any, _stop),
        Kind("error", _can_fail, _fail),
        Kind("late-error", _lasts_on_machine, _fail_after),
        Kind("full-once", _writes, _is_full),
        Kind("full", _writes, _is_full, _is_full_but_for_what_is_freed),
        Kind("full-for-good", _writes, _is_full, _is_full),
        Kind("busy", _is_statement, _is_busy, _is_busy_for_now),
        Kind("busy-for-good", _is_statement, _is_busy, _is_busy),
    )
}
