"""Name a plan by what it would do: the same state gives the same id, anything else another."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from mailstead.transaction.changes import FileChange, FileVersion, Plan

LENGTH = 12


def identify(plan: Plan) -> str:
    """Give a plan's id. It covers all that is applied, in order, and what it replaces."""
    parts = {
        "revision": plan.revision,
        "changes": [[c.section, c.key, c.field, c.old, c.new] for c in plan.changes],
        "modules": [plan.enable, plan.disable],
        "packages": plan.packages,
        "accounts": [[item.name, item.home] for item in plan.accounts],
        "folders": [attrs.astuple(item) for item in plan.folders],
        "generated": [
            [name, item.path, item.mode, item.owner, item.group] for name, item in plan.generated
        ],
        "files": list(map(_file, plan.files)),
        "edits": [[e.path, e.choice, e.asks] for e in plan.edits if not e.is_left_alone],
        "rows": [
            [
                rows.module,
                str(rows.database),
                [[c.table, c.key, c.old, c.new] for c in rows.changes],
            ]
            for rows in plan.rows
        ],
        "forgotten": plan.forgotten,
        "services": [[a.module, a.daemon.name, a.verb, a.at_boot] for a in plan.services],
    }
    text = json.dumps(parts, sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def _file(change: FileChange) -> list[Any]:
    """New owners are named, too: their numbers may not exist yet."""
    owners = [change.owner, change.group]
    return [change.module, change.path, _version(change.old), _version(change.new), owners]


def _version(version: FileVersion | None) -> list[Any] | None:
    return [version.sha256, version.mode, version.uid, version.gid] if version else None
