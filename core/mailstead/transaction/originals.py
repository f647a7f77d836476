"""Keep what stood at a path before Mailstead took it over, so that it can be put back.

One JSON file per path below ``/var/lib/mailstead/originals``, written once. What an admin made
of our own files later is kept by `mailstead.hand_edits.aside`.
"""

from __future__ import annotations

import base64
import json
import urllib.parse

import attrs

from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.machine.values import Path
from mailstead.transaction.changes import FileVersion


@attrs.frozen
class Originals:
    """The store of replaced files of one instance."""

    machine: Machine
    instance: Instance

    def keep(self, path: str, version: FileVersion) -> bool:
        """Keep a version unless there is one already; tells whether this one is kept."""
        if self.machine.stat_file(self._original(path)) is not None:
            return self.read(path) == version
        self._write(self._original(path), path, version)
        return True

    def read(self, path: str) -> FileVersion | None:
        """Give what stood at a system path at first; ``None`` when nothing did."""
        stored = self._original(path)
        if self.machine.stat_file(stored) is None:
            return None
        raw = json.loads(self.machine.read_file(stored))
        content = base64.b64decode(raw["content"])
        return FileVersion(content, raw["mode"], raw["uid"], raw["gid"])

    def _write(self, target: Path, path: str, version: FileVersion) -> None:
        content = base64.b64encode(version.content).decode()
        raw = {"path": path, "mode": version.mode, "uid": version.uid, "gid": version.gid}
        self.machine.make_directory(target.parent, mode=0o700, uid=0, gid=0)
        text = json.dumps({**raw, "content": content}).encode()
        self.machine.replace_file(target, text, mode=0o600, uid=0, gid=0)

    def _original(self, path: str) -> Path:
        return self.instance.state_path("originals") / _name(path)


def _name(path: str) -> str:
    return urllib.parse.quote(path, safe="")
