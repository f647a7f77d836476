"""Make a backup: gather, write, read it back, and only then remove older ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from mailstead import __version__
from mailstead.backup.archive import opened
from mailstead.backup.declared import trees
from mailstead.backup.folder import make_folder, name_of, remove_oldest
from mailstead.backup.gather import Gathered, Gatherer
from mailstead.backup.manifest import MAIL, SETTINGS, Manifest, time_of
from mailstead.backup.seal import Key, refuse_weak
from mailstead.backup.trees import Tally, tree_pieces
from mailstead.backup.write import ArchiveWriter, settings_pieces
from mailstead.errors import AlreadyExists, InvalidInput
from mailstead.machine.base import Machine
from mailstead.machine.values import Path

if TYPE_CHECKING:
    from mailstead.engine import Engine


@attrs.frozen
class Made:
    """A backup that was made and read back.

    Attributes:
        passed_over: links and the like that are not in it.
        removed: older backups that went.
    """

    path: Path
    manifest: Manifest
    size: int
    passed_over: tuple[str, ...] = ()
    removed: tuple[Path, ...] = ()


@attrs.frozen
class Wanted:
    """What a backup is to be.

    Attributes:
        place: file to write; ``None`` is one of the usual name in the usual folder.
        passphrase: what it is encrypted with; ``None`` leaves out everything secret.
        mail: also take the mail.
        keep: how many of our own may be in the folder afterwards; 0 is all.
    """

    place: Path | None = None
    passphrase: str | None = attrs.field(default=None, repr=False)
    mail: bool = False
    keep: int = 0


def create_backup(engine: Engine, wanted: Wanted) -> Made:
    """Make a backup. Raises InvalidInput, AlreadyExists, Locked, MachineError."""
    _refuse_contradictions(wanted)
    machine = engine.machine
    with (
        machine.lock(engine.instance.state_path("backup.lock")),
        _private_folder(machine, engine.instance.state_path("backup")) as folder,
    ):
        with machine.lock(engine.instance.state_path("lock")):
            secrets = wanted.passphrase is not None
            gathered = Gatherer(engine, folder, secrets).gather()
        path = _place(engine, wanted, gathered.revision)
        made = _write(engine, wanted, gathered, path)
    if wanted.keep:
        return attrs.evolve(made, removed=remove_oldest(machine, path, wanted.keep))
    return made


def _refuse_contradictions(wanted: Wanted) -> None:
    if wanted.passphrase is not None:
        refuse_weak(wanted.passphrase)
    elif wanted.mail:
        raise InvalidInput("mail is secret", hint="give a passphrase, or leave the mail out")
    if wanted.place is not None and wanted.keep:
        hint = "leave the file's name out"
        raise InvalidInput("only backups of the usual name are removed", hint=hint)


def _place(engine: Engine, wanted: Wanted, revision: int) -> Path:
    machine = engine.machine
    path = wanted.place
    if path is None:
        path = make_folder(machine, engine.instance) / name_of(revision, machine.now())
    if machine.stat_file(path) is not None:
        hint = "choose another name, or remove it"
        raise AlreadyExists("exists already", where=str(path), hint=hint)
    return path


def _write(engine: Engine, wanted: Wanted, gathered: Gathered, path: Path) -> Made:
    machine = engine.machine
    key = Key.make() if wanted.passphrase is not None else None
    mail = Tally()
    try:
        with machine.replace_stream(path, mode=0o600, uid=0, gid=0) as stream:
            writer = ArchiveWriter(stream, key)
            writer.add_key(wanted.passphrase or "")
            writer.add_part(SETTINGS, lambda tally: settings_pieces(machine, gathered, tally))
            if wanted.mail:
                mail = writer.add_part(MAIL, lambda tally: tree_pieces(
                    machine, engine.instance, trees(engine.registry), tally))  # fmt: skip
            manifest = writer.close(_manifest(engine, gathered))
            size = stream.tell()
        with opened(machine, path) as archive:
            archive.verify(key)
    except BaseException:
        machine.remove_file(path)
        raise
    return Made(path, manifest, size, (*gathered.passed_over, *mail.passed_over))


def _manifest(engine: Engine, gathered: Gathered) -> Manifest:
    machine = engine.machine
    made = time_of(machine.now())
    return Manifest(__version__, machine.hostname(), made, gathered.revision, ())


@contextmanager
def _private_folder(machine: Machine, path: Path) -> Iterator[Path]:
    """Give an empty folder that only root can enter; what a crash left there goes first."""
    machine.remove_tree(path)
    machine.make_directory(path, mode=0o700, uid=0, gid=0)
    try:
        yield path
    finally:
        machine.remove_tree(path)
