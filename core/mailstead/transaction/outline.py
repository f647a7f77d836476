"""What is remembered of a plan that was shown: enough to tell later what moved, no secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs

from mailstead.errors import MailsteadError
from mailstead.settings.cells import Actor, Json, mask
from mailstead.settings.schema import Schema
from mailstead.settings.store import Store

if TYPE_CHECKING:
    from mailstead.transaction.changes import FileVersion, Plan

KEPT = 20


@attrs.frozen
class Setting:
    """A setting as a plan changes it; secret values are masked. ``at``: when it was edited."""

    setting: str
    old: Json
    new: Json
    by: str
    at: float


@attrs.frozen
class Outline:
    """A plan in short.

    Attributes:
        files: by system path the digests of what stood there and of what shall; ``None``: none.
        actions: in words.
    """

    id: str
    revision: int
    settings: tuple[Setting, ...]
    files: Mapping[str, tuple[str | None, str | None]]
    actions: tuple[str, ...]


@attrs.frozen
class PlanMemory:
    """The plans that were shown last."""

    store: Store

    def remember(self, outline: Outline, actor: Actor, at: float) -> None:
        """Remember a plan; forgets all but the last. Does nothing while others write."""
        data = json.dumps(attrs.asdict(outline))
        keep = "SELECT id FROM plans WHERE id != ? ORDER BY at DESC LIMIT ?"
        forget = f"DELETE FROM plans WHERE id != ? AND id NOT IN ({keep})"  # noqa: S608 - constants
        # What is lost is an explanation; showing a plan must not fail for that.
        with suppress(MailsteadError), self.store.transaction():
            values = (outline.id, at, actor.name, data)
            self.store.run("INSERT OR REPLACE INTO plans VALUES (?, ?, ?, ?)", values)
            self.store.run(forget, (outline.id, outline.id, KEPT - 1))

    def recall(self, plan: str) -> Outline | None:
        """Give a plan that was shown; ``None`` when it is forgotten."""
        row = self.store.run("SELECT data FROM plans WHERE id = ?", (plan,)).fetchone()
        return None if row is None else _outline(json.loads(row[0]))


def outline_of(schema: Schema, plan: Plan) -> Outline:
    """Give a plan in short."""
    masked = (mask(schema, change) for change in plan.changes)
    return Outline(
        id=plan.id,
        revision=plan.revision,
        settings=tuple(Setting(c.where, c.old, c.new, c.who, c.at) for c in masked),
        files={item.path: (_digest(item.old), _digest(item.new)) for item in plan.files},
        actions=tuple(_actions(plan)),
    )


def _digest(version: FileVersion | None) -> str | None:
    return version.sha256 if version else None


def _actions(plan: Plan) -> Iterator[str]:
    yield from (f"enable {name}" for name in plan.enable)
    yield from (f"disable {name}" for name in plan.disable)
    yield from (f"install {name}" for name in plan.packages)
    yield from (f"make the system user {item.name}" for item in plan.accounts)
    yield from (f"make the folder {item.path}" for item in plan.folders)
    yield from (f"make {item.path}" for _, item in plan.generated)
    yield from (f"publish {len(rows.changes)} rows of {rows.module}" for rows in plan.rows)
    yield from (f"{edit.choice} {edit.path}" for edit in plan.edits if edit.choice)
    yield from map(str, plan.services)


def _outline(data: Mapping[str, Any]) -> Outline:
    return Outline(
        id=data["id"],
        revision=data["revision"],
        settings=tuple(Setting(**item) for item in data["settings"]),
        files={path: (old, new) for path, (old, new) in data["files"].items()},
        actions=tuple(data["actions"]),
    )
