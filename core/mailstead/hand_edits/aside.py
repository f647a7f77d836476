"""Keep aside what an admin wrote and a save replaced, so that nothing of theirs is ever lost.

One JSON file per content below ``/var/lib/mailstead/replaced``, readable by root alone and
never removed. It is written before the file itself is touched.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

import attrs

from mailstead.errors import InvalidInput, MachineError, NotFound
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.machine.values import Path
from mailstead.transaction.changes import FileVersion

DIGITS = 12


@attrs.frozen
class Kept:
    """A version that was kept aside.

    Attributes:
        id: names it among the versions of its file; the beginning of its digest.
        at: when it was replaced; ``who`` let it be.
        size: of its content.
    """

    path: str
    id: str
    at: float
    who: str
    size: int
    version: FileVersion = attrs.field(repr=False)


@attrs.frozen
class Aside:
    """The versions that were kept aside in one instance."""

    machine: Machine
    instance: Instance

    @property
    def folder(self) -> Path:
        """Give where they lie."""
        return self.instance.state_path("replaced")

    def keep(self, path: str, version: FileVersion, *, who: str, at: float) -> None:
        """Keep a version of a file; one that lies there already is kept with the new date."""
        raw = {
            "path": path, "mode": version.mode, "uid": version.uid, "gid": version.gid,
            "at": at, "who": who, "content": base64.b64encode(version.content).decode(),
        }  # fmt: skip
        name = f"{urllib.parse.quote(path, safe='')}.{version.sha256[:DIGITS]}"
        self.machine.make_directory(self.folder, mode=0o700, uid=0, gid=0)
        text = json.dumps(raw).encode()
        self.machine.replace_file(self.folder / name, text, mode=0o600, uid=0, gid=0)

    def versions(self, path: str = "") -> tuple[Kept, ...]:
        """List what was kept of a file, or of all, newest first. Raises MachineError."""
        found = map(self._read, self.machine.list_directory(self.folder))
        chosen = (item for item in found if path in ("", item.path))
        return tuple(sorted(chosen, key=lambda item: (-item.at, item.path, item.id)))

    def find(self, path: str, id: str = "") -> Kept:  # noqa: A002 - the version's word
        """Give the latest version of a file, or the one whose id begins so. Raises NotFound."""
        versions = self.versions(path)
        found = [item for item in versions if item.id.startswith(id)]
        if not found:
            known = ", ".join(item.id for item in versions) or "none"
            hint = f"kept aside of it: {known}"
            raise NotFound(f"no version {id} was kept aside".replace("  ", " "), where=path,
                           hint=hint)  # fmt: skip
        if id and len(found) > 1:
            raise InvalidInput(f"{len(found)} versions begin with {id}", where=path)
        return found[0]

    def _read(self, name: str) -> Kept:
        path = self.folder / name
        try:
            return _kept(name, json.loads(self.machine.read_file(path)), self._date(path))
        except (ValueError, KeyError, TypeError) as error:
            hint = "it is none of ours, or damaged: move it away"
            raise MachineError("is no version that was kept aside", where=str(path),
                               hint=hint) from error  # fmt: skip

    def _date(self, path: Path) -> float:
        state = self.machine.stat_file(path)
        return state.modified if state else 0.0


def _kept(name: str, raw: Mapping[str, Any], modified: float) -> Kept:
    """Read a version; older ones know neither when nor who."""
    content = base64.b64decode(raw["content"], validate=True)
    version = FileVersion(content, int(raw["mode"]), int(raw["uid"]), int(raw["gid"]))
    at, who = float(raw.get("at", modified)), str(raw.get("who", ""))
    return Kept(str(raw["path"]), name[-DIGITS:], at, who, len(content), version)
