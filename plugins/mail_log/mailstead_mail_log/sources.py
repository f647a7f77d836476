"""Reading logs on from where they were left, over rotation, restarts and kills.

A log is known by its first line, not by its name or inode: renamed or copied by a rotation it is
still known, and what is new under the old name begins with another line. Compressed logs are not
read; they were, unless nobody read for as long as a rotation takes to compress.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import attrs

from mailstead.plugin import Context, Machine, Path
from mailstead_mail_log.places import LOGS
from mailstead_mail_log.store import LogStore

BLOCK = 1 << 20
LONGEST_FIRST_LINE = 4096


@attrs.frozen
class Piece:
    """Whole lines of one log, and where the next begins."""

    head: str
    lines: tuple[str, ...]
    offset: int


def new_pieces(context: Context, machine: Machine, store: LogStore, name: str) -> Iterator[Piece]:
    """Give what was not read yet of a log and of its rotated parts, oldest first.

    Each piece must be recorded by `left_off` in the transaction in which it is used.
    """
    for path in _parts(context, machine, name):
        yield from _pieces_of(machine, store, path)


def left_off(store: LogStore, piece: Piece) -> None:
    """Record how far a log was read."""
    insert = "INSERT INTO sources VALUES (?, ?) "
    update = "ON CONFLICT (head) DO UPDATE SET offset = excluded.offset"
    store.run(insert + update, (piece.head, piece.offset))


def _parts(context: Context, machine: Machine, name: str) -> list[Path]:
    folder = context.path(LOGS)
    rotated = re.compile(rf"{re.escape(name)}([.-][0-9-]+)?")
    names = [found for found in machine.list_directory(folder) if rotated.fullmatch(found)]
    modified = {found: _modified(machine, folder / found) for found in names}
    # The one that is written to comes last, whatever the clock says.
    return [folder / found for found in sorted(names, key=lambda it: (it == name, modified[it]))]


def _modified(machine: Machine, path: Path) -> float:
    state = machine.stat_file(path)
    return state.modified if state else 0.0


def _pieces_of(machine: Machine, store: LogStore, path: Path) -> Iterator[Piece]:
    try:
        with machine.read_stream(path) as stream:
            first, newline, _ = stream.read(LONGEST_FIRST_LINE).partition(b"\n")
            if not newline and len(first) < LONGEST_FIRST_LINE:
                return  # its first line is being written
            head = hashlib.sha256(first).hexdigest()
            found = store.run("SELECT offset FROM sources WHERE head = ?", (head,)).fetchone()
            offset = found[0] if found else 0
            stream.seek(offset)
            while block := stream.read(BLOCK):
                whole, newline, _ = block.rpartition(b"\n")
                if not newline:
                    if len(block) < BLOCK:
                        return  # the last line is being written
                    whole, newline = block, b""  # a line without end, in parts
                offset += len(whole) + len(newline)
                yield Piece(head, tuple(whole.decode(errors="replace").split("\n")), offset)
                stream.seek(offset)
    except FileNotFoundError:
        return
