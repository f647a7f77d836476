"""The copy of the journal in files, good enough to undo a save when the database is lost."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import attrs

from mailstead.errors import MachineError, MailsteadError
from mailstead.journal.codec import FORMAT, checksum, decode, dump, encode
from mailstead.journal.records import Record, Taken
from mailstead.machine.base import Machine
from mailstead.machine.values import Path
from mailstead.settings.cells import Actor

SUFFIX = ".jsonl"
UNDONE = ".undone.jsonl"


@attrs.frozen
class JournalFile:
    """The copy of the journal in files, one a save, one checksummed line a record."""

    machine: Machine
    folder: Path

    def announce(self, folders: Iterable[Path], reserve: int) -> None:
        """Say which folders will be written to, and hold space that undoing may need.

        A process that is killed leaves temporary files; recovery sweeps these folders. The space
        keeps a disk that fills up from preventing the undo.
        """
        self.machine.make_directory(self.folder, mode=0o700, uid=0, gid=0)
        names = dump({"folders": sorted({str(folder) for folder in folders})})
        self.machine.remove_file(self._reserve)
        self.machine.replace_file(self._announced, names.encode(), mode=0o600, uid=0, gid=0)
        self.machine.write_scratch(self._reserve, bytes(reserve))

    def release(self) -> None:
        """Give the space free."""
        self.machine.remove_file(self._reserve)

    def conclude(self) -> None:
        """Take the announcement back: nothing is being written any more."""
        self.release()
        self.machine.remove_file(self._announced)

    def announced(self) -> tuple[Path, ...] | None:
        """Give the folders a process announced and did not conclude; ``None``: there are none."""
        try:
            names = json.loads(self.machine.read_file(self._announced))
        except FileNotFoundError:
            return None
        except ValueError:  # torn: nothing was written after it
            return ()
        return tuple(map(Path, names["folders"]))

    def is_idle(self) -> bool:
        """Tell whether there is nothing in the folder."""
        return not self.machine.list_directory(self.folder)

    def is_tidy(self) -> bool:
        """Tell whether there is nothing in the folder but files of saves."""
        return all(name.endswith(SUFFIX) for name in self.machine.list_directory(self.folder))

    def ids(self) -> tuple[int, ...]:
        """Give the saves there are files of."""
        names = (name.removesuffix(SUFFIX) for name in self.machine.list_directory(self.folder))
        return tuple(sorted(int(name) for name in names if name.isdigit()))

    def write(self, record: Record) -> None:
        """Write a save's file; durable when this returns."""
        head = {"format": FORMAT, "plan": record.plan, "base": record.base, "at": record.at,
                "who": record.actor.name, "origin": record.actor.origin}  # fmt: skip
        lines = [head, *(encode(taken.step) for taken in record.steps)]
        text = "".join(f"{checksum(line)} {line}\n" for line in map(dump, lines))
        self.machine.make_directory(self.folder, mode=0o700, uid=0, gid=0)
        self.machine.replace_file(self._path(record.id), text.encode(), mode=0o600, uid=0, gid=0)

    def read(self, number: int) -> Record:
        """Read a save's file. Lines that fail their checksum are passed over, and named.

        Raises MachineError when not even its first line can be used.
        """
        lines = self.machine.read_file(self._path(number)).decode(errors="replace").splitlines()
        good = {position: found for position, line in enumerate(lines) if (found := _checked(line))}
        head = good.pop(0, None)
        if head is None:
            hint = "move it away; files it speaks of may have been written in part"
            raise MachineError("the journal is damaged", where=str(self._path(number)), hint=hint)
        refuse_newer(head["format"], str(self._path(number)))
        return Record(
            number, "prepared", head["plan"], head["base"], Actor(head["who"], head["origin"]),
            head["at"], steps=tuple(Taken(decode(good[position])) for position in sorted(good)),
            damaged=tuple(n - 1 for n in range(1, len(lines)) if n not in good),
        )  # fmt: skip

    def remove(self, number: int) -> None:
        """Remove a save's file; one that is gone is no error."""
        self.machine.remove_file(self._path(number))

    def mark_undone(self, record: Record) -> None:
        """Remember that a save was undone which a damaged database still has as unfinished."""
        mark = self._mark(record.id)
        self.machine.replace_file(mark, record.plan.encode(), mode=0o600, uid=0, gid=0)
        self.remove(record.id)

    def was_undone(self, record: Record) -> bool:
        """Tell whether a save was undone already."""
        try:
            return self.machine.read_file(self._mark(record.id)) == record.plan.encode()
        except FileNotFoundError:
            return False

    def forget_undone(self) -> None:
        """Remove what `mark_undone` wrote: the database is whole, and knows. Errors pass."""
        with suppress(MailsteadError):
            for name in self.machine.list_directory(self.folder):
                if name.endswith(UNDONE):
                    self.machine.remove_file(self.folder / name)

    def _mark(self, number: int) -> Path:
        return self.folder / f"{number}{UNDONE}"

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}{SUFFIX}"

    @property
    def _announced(self) -> Path:
        return self.folder / "folders.json"

    @property
    def _reserve(self) -> Path:
        return self.folder / "reserve"


def _checked(line: str) -> dict[str, Any] | None:
    expected, _, data = line.partition(" ")
    return json.loads(data) if checksum(data) == expected else None


def refuse_newer(form: int, where: str) -> None:
    """Refuse what a newer version wrote. Raises MachineError."""
    if form > FORMAT:
        hint = "finish it with the Mailstead that began it, or upgrade this one"
        raise MachineError(f"the journal has format {form}", where=where, hint=hint)
