"""What stays open while it is used: files read and written in pieces, running programs, gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from mailstead.errors import MachineError
from mailstead.machine.values import Completed


class ReadStream(Protocol):
    """A file that is read piece by piece; each call raises MachineError."""

    size: int

    def read(self, size: int) -> bytes:
        """Read so many bytes; fewer only at the end."""

    def seek(self, offset: int) -> None:
        """Go on reading from there."""


class WriteStream(Protocol):
    """A file that is written piece by piece; each call raises MachineError."""

    def write(self, data: bytes) -> int:
        """Add bytes at the end; gives how many."""

    def tell(self) -> int:
        """Give the bytes written so far."""

    def rewrite(self, offset: int, data: bytes) -> None:
        """Write over what was written before."""

    def cut(self, size: int) -> None:
        """Drop what was written after the first bytes."""


class Lines(Protocol):
    """What a running command prints, line by line; see `Machine.run_lines`."""

    def __iter__(self) -> Iterator[str]:
        """Give each line without its end. Raises CommandFailed, MachineError."""

    @property
    def complaints(self) -> str:
        """Give what it has printed on standard error so far, as far as it was read."""


class Programs(Protocol):
    """Programs that run beside each other, by name; see `Machine.side_by_side`."""

    @property
    def names(self) -> frozenset[str]:
        """Give the names of those that run."""

    def start(self, name: str, argv: Sequence[str], *, stdin: str, timeout: float) -> None:
        """Start a program as `Machine.run` does, under a name that no running one has.

        It is killed when it does not end within ``timeout`` seconds. Raises MachineError when
        it cannot be started.
        """

    def end(self, name: str) -> None:
        """Ask a program to end by SIGTERM; nothing is done about one that does not run."""

    def ended(self, seconds: float) -> Mapping[str, Completed | MachineError]:
        """Wait until one ends, but not longer than so many seconds.

        Gives those that ended by name: a MachineError for one that was killed for being late.
        """


class Gate(Protocol):
    """What came through a gate for mail so far; see `Machine.lmtp_gate`.

    Attributes:
        delivered: messages the server took. ``known``: those that were there already.
        unsure: messages that the server may have or not, since it went away.
        refusal: the last words when one was refused; where none was, why one stayed where it was
            (StaysThere); empty when all were taken.
    """

    delivered: int
    known: int
    unsure: int
    refusal: str
