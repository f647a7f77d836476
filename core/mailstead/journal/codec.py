"""Steps as JSON and back, in a form that later versions can read.

What is written here must be enough to undo a step on a machine whose plugins are gone and
whose settings are lost: of a daemon its unit and its own commands, of a probe its dialogue.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from mailstead.errors import MachineError
from mailstead.machine.conversation import Conversation, Say
from mailstead.machine.values import Path, RowChange
from mailstead.module import Daemon, Native, Probe
from mailstead.transaction.changes import FileVersion, Rows, ServiceAction
from mailstead.transaction.steps import (
    ControlService,
    MakeFolder,
    PublishRows,
    ReplaceFile,
    RestoreDatabase,
    Step,
)

FORMAT = 1
Data = dict[str, Any]


def dump(data: Mapping[str, Any]) -> str:
    """Give canonical JSON, so that equal data has an equal checksum."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def checksum(text: str) -> str:
    """Give the checksum of a record."""
    return hashlib.sha256(text.encode()).hexdigest()


def encode(step: Step) -> Data:
    """Give a step as plain data."""
    match step:
        case MakeFolder():
            return {"kind": "folder", **attrs.asdict(step), "path": str(step.path)}
        case ReplaceFile():
            return {
                "kind": "file", "module": step.module, "path": step.path, "real": str(step.real),
                "old": _version(step.old), "new": _version(step.new),
            }  # fmt: skip
        case PublishRows():
            rows = [attrs.asdict(change) for change in step.rows.changes]
            return {"kind": "rows", "module": step.rows.module,
                    "database": str(step.rows.database), "changes": rows}  # fmt: skip
        case RestoreDatabase():
            places = {"path": step.path, "old": step.old, "new": step.new}
            return {"kind": "database", **{name: str(path) for name, path in places.items()}}
        case ControlService():
            return {"kind": "service", **_action(step.action)}


def decode(data: Mapping[str, Any]) -> Step:
    """Give the step of plain data. Raises MachineError for a kind this version does not know."""
    read = _READERS.get(str(data.get("kind")))
    if read is None:
        hint = "it was written by a newer Mailstead: finish it with that version"
        raise MachineError(f"a step of unknown kind {data.get('kind')!r}", hint=hint)
    return read(data)


def _version(version: FileVersion | None) -> Data | None:
    if version is None:
        return None
    kept = version.attributes
    attributes = None if kept is None else {name: _text(value) for name, value in kept.items()}
    return {"content": _text(version.content), "mode": version.mode, "uid": version.uid,
            "gid": version.gid, "attributes": attributes}  # fmt: skip


def _action(action: ServiceAction) -> Data:
    daemon = action.daemon
    return {
        "module": action.module,
        "daemon": {
            "name": daemon.name,
            "unit": daemon.unit,
            "main_unit": daemon.main_unit,
            "native": attrs.asdict(daemon.native) if daemon.native else None,
        },
        "verb": action.verb,
        "reason": action.reason,
        "was_running": action.was_running,
        "at_boot": action.at_boot,
        "probes": [_probe(probe) for probe in action.probes],
        "old_probes": [_probe(probe) for probe in action.old_probes],
    }


def _probe(probe: Probe) -> Data:
    data = attrs.asdict(probe)
    if not probe.hint:
        del data["hint"]  # as the first form of the journal has it; readers take either
    return data


def _read_folder(data: Mapping[str, Any]) -> Step:
    return MakeFolder(
        Path(data["path"]), data["mode"], data["owner"], data["group"], data["files_mode"]
    )


def _read_file(data: Mapping[str, Any]) -> Step:
    old, new = _read_version(data["old"]), _read_version(data["new"])
    return ReplaceFile(data["module"], data["path"], Path(data["real"]), old, new)


def _read_version(data: Mapping[str, Any] | None) -> FileVersion | None:
    if data is None:
        return None
    kept = data["attributes"]
    attributes = None if kept is None else {name: _bytes(value) for name, value in kept.items()}
    content = _bytes(data["content"])
    return FileVersion(content, data["mode"], data["uid"], data["gid"], attributes)


def _read_rows(data: Mapping[str, Any]) -> Step:
    changes = tuple(RowChange(**change) for change in data["changes"])
    return PublishRows(Rows(data["module"], Path(data["database"]), changes))


def _read_database(data: Mapping[str, Any]) -> Step:
    return RestoreDatabase(Path(data["path"]), Path(data["old"]), Path(data["new"]))


def _read_service(data: Mapping[str, Any]) -> Step:
    known = data["daemon"]
    native = Native(**_tuples(known["native"])) if known["native"] else None
    return ControlService(
        ServiceAction(
            module=data["module"],
            daemon=Daemon(known["name"], native, known["unit"], known["main_unit"]),
            verb=data["verb"],
            reason=data["reason"],
            was_running=data["was_running"],
            probes=tuple(map(_read_probe, data["probes"])),
            old_probes=tuple(map(_read_probe, data["old_probes"])),
            at_boot=data["at_boot"],
        )
    )


def _read_probe(data: Mapping[str, Any]) -> Probe:
    talk = {**data["conversation"]}
    turns = tuple(Say(**turn) for turn in talk.pop("turns"))
    # A journal of an older version has no hints.
    return Probe(data["title"], Conversation(turns, **talk), data.get("hint", ""))


def _tuples(data: Mapping[str, Any]) -> Data:
    return {name: tuple(item) if isinstance(item, list) else item for name, item in data.items()}


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_READERS: dict[str, Callable[[Mapping[str, Any]], Step]] = {
    "folder": _read_folder,
    "file": _read_file,
    "rows": _read_rows,
    "database": _read_database,
    "service": _read_service,
}
