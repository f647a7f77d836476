"""What must be true of a site whatever happened to it: it is one revision, whole.

A `Whole` is what a save changes, seen from outside: files, published rows, daemons, settings.
Two are equal when an admin could not tell them apart. What a save leaves on purpose when it is
undone (packages, users, folders, databases, kept originals) is no part of it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs

from mailstead.engine import Engine
from mailstead.instance import CONFIG, STATE
from mailstead.journal.records import Record
from mailstead.machine.replace import is_temporary
from mailstead.settings.audit import SAVED, AuditLog
from mailstead.settings.file_history import FileHistory
from tests.faults.calls import Calls
from tests.faults.harness import Site

SETTINGS = "SELECT section, key, field, value FROM running ORDER BY section, key, field"
UNPACKED = f"{STATE}/restore/"  # of a restore that did not begin: the next one clears it
OWN = (CONFIG, f"{STATE}/", "/var/log/")
BEGAN, ENDED = "save", (SAVED, "rolled back", "unproven", "needs operator")


@attrs.frozen
class Outside:
    """What the world sees; ``daemons`` are (runs, starts at boot) by name."""

    files: Mapping[str, tuple[bytes, int, int, int, Mapping[str, bytes]]]
    rows: Mapping[str, Mapping[str, Any]]
    daemons: Mapping[str, tuple[bool, bool | None]]

    def differs(self, other: Outside) -> str:
        """Name the parts that differ from another."""
        names = [field.name for field in attrs.fields(type(self))]
        return ", ".join(name for name in names if getattr(self, name) != getattr(other, name))


@attrs.frozen
class Whole(Outside):
    """One revision as it is served and as it is known."""

    settings: tuple[tuple[str, ...], ...]
    owned: tuple[tuple[str, str, str, int, bool, str, str], ...]
    history: tuple[tuple[str, str, int], ...]

    @property
    def outside(self) -> Outside:
        """Give what the world sees of it."""
        return Outside(self.files, self.rows, self.daemons)


@attrs.frozen
class Found:
    """A site after a process has opened it, that is after recovery.

    Attributes:
        whole: what is served.
        open: the save that has not ended.
        last: the latest save.
        revision: the running one.
        edits: what the audit log says of each edit: saved, pending, discarded.
        faults: what is wrong with it, whatever revision it is.
    """

    whole: Whole
    open: Record | None
    last: Record | None
    revision: int
    edits: tuple[tuple[str, str], ...]
    faults: tuple[str, ...]

    @property
    def waits(self) -> bool:
        """Tell whether a save waits to be confirmed."""
        return self.open is not None and self.open.phase == "confirming"


def find(site: Site, engine: Engine) -> Found:
    """Look at a site through a process that has just opened it."""
    whole = whole_of(site, engine)
    record = engine.journal.unfinished()
    entries = AuditLog(engine.store).entries(limit=1000)[::-1]
    edits = tuple((entry.subject, entry.state) for entry in entries if entry.state)
    events = [entry.event for entry in entries]
    faults = (*leftovers(site, record), *deaf_daemons(site), *lost(engine),
              *false_audit(engine, events, record))  # fmt: skip
    return Found(whole, record, engine.journal.last(), engine.store.revision(), edits, faults)


def whole_of(site: Site, engine: Engine) -> Whole:
    """Give what is served and known."""
    seen = outside_of(site)
    owned = FileHistory(engine.store).owned().values()
    return Whole(
        files=seen.files, rows=seen.rows, daemons=seen.daemons,
        settings=tuple(engine.store.run(SETTINGS)),
        owned=tuple((f.path, f.module, f.sha256, f.mode, f.secret, f.base, f.choice)
                    for f in owned),
        history=tuple(_history(engine)),
    )  # fmt: skip


def outside_of(site: Site) -> Outside:
    """Give what the world sees, without opening anything."""
    made = {item.path for name in site.registry.usable()
            for item in site.registry.module(name).generated}  # fmt: skip
    daemons = {name: (_runs(site, name), known.at_boot)
               for name, known in sorted(site.services.daemons.items())}  # fmt: skip
    return Outside(files_of(site, made), rows_of(site), daemons)


def files_of(site: Site, made: set[str]) -> dict[str, Any]:
    """Give all files but Mailstead's own and databases; of what is made by chance, the rights."""
    found = {}
    for path, node in site.machine.tree.nodes.items():
        name = _system_path(site, str(path))
        if node.kind == "directory" or name.startswith(OWN) or name.endswith(".db"):
            continue
        content = b"(made)" if name in made else node.content
        found[name] = (content, node.mode, node.uid, node.gid, dict(node.attributes))
    return found


def rows_of(site: Site) -> dict[str, dict[str, Any]]:
    """Give published rows; an empty table is no table."""
    return {
        str(database): {name: dict(table) for name, table in sorted(tables.items()) if table}
        for database, tables in sorted(site.machine.rows.items())
        if any(tables.values())
    }


def leftovers(site: Site, record: Record | None) -> Iterator[str]:
    """Tell what a process left that is gone: temporary, staged and journal files, the lock."""
    for path, node in site.machine.tree.nodes.items():
        name = _system_path(site, str(path))
        if is_temporary(path.name) and not name.startswith(UNPACKED):
            yield f"a temporary file is left: {name}"
        if name.startswith(f"{STATE}/staging/"):
            yield f"a staged file is left: {name}"
        is_of_journal = name.startswith(f"{STATE}/journal/") and node.kind == "file"
        if is_of_journal and (record is None or path.name != f"{record.id}.jsonl"):
            yield f"a file of the journal is left: {name}"
    if site.machine._locks:
        yield "the lock is held"


def deaf_daemons(site: Site) -> Iterator[str]:
    """Tell which daemons run with another configuration than stands there."""
    for name, known in site.services.daemons.items():
        there = site.machine.tree.contents(site.services.prefix, known.reads)
        if _runs(site, name) and known.loaded != there:
            differing = sorted(
                path for path in {*there, *known.loaded}
                if there.get(path) != known.loaded.get(path)
            )  # fmt: skip
            yield f"{name} runs with other files than stand there: {', '.join(differing)}"


def lost(engine: Engine) -> Iterator[str]:
    """Tell of owned files whose content nobody kept."""
    history = FileHistory(engine.store)
    for file in history.owned().values():
        if history.content(file.sha256) is None:
            yield f"the content of {file.path} is not kept"


def lies_somewhere(site: Site, content: bytes) -> bool:
    """Tell whether a content is in any file, as it is or kept aside."""
    forms = (content, base64.b64encode(content))
    files = (node.content for node in site.machine.tree.nodes.values())
    return any(form in file for file in files for form in forms)


def false_audit(engine: Engine, events: Sequence[str], record: Record | None) -> Iterator[str]:
    """Tell where the audit log was broken, or does not say how a save ended."""
    _, problem = AuditLog(engine.store).verify()
    if problem:
        yield f"the audit log is broken: {problem}"
    began = [event for event in events if event in (BEGAN, *ENDED)]
    for event, following in pairwise([*began, ""]):
        if event == BEGAN and following not in ENDED and (following or record is None):
            yield f"the audit log says that a save began, and then {following or 'nothing'}"


def changing(calls: Calls) -> list[str]:
    """Give the calls of a process that changed something."""
    return [str(call) for call in calls.made if call.lasts or call.writes]


def _runs(site: Site, name: str) -> bool:
    return site.services.of(name).pid in site.machine.processes.running


def _history(engine: Engine) -> Iterator[tuple[str, str, int]]:
    """Give what the history says stands where now; that must be what is owned."""
    history = FileHistory(engine.store)
    number = engine.store.revision()
    paths = engine.store.run("SELECT DISTINCT path FROM file_versions ORDER BY path").fetchall()
    for (path,) in paths:
        file = history.as_of(path, number)
        if file is not None:
            yield file.path, file.sha256, file.mode


def _system_path(site: Site, path: str) -> str:
    return path.removeprefix(str(site.folder))
