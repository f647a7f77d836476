"""What the store holds: cells, changes of cells, revisions, owned files. Plain data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import attrs

from mailstead.settings.secret import MASK

if TYPE_CHECKING:
    from mailstead.settings.schema import Schema

Tree = Literal["running", "draft"]
Json = Any


@attrs.frozen
class Actor:
    """Who does something, and from where."""

    name: str
    origin: str


@attrs.frozen
class Cell:
    """One field's value; ``None`` is unset, so that the field's default holds."""

    section: str
    key: str
    field: str
    value: Json = attrs.field(repr=False)


@attrs.frozen
class Change:
    """A cell that changes; ``None`` is unset. May hold a secret until `mask` was called."""

    section: str
    key: str
    field: str
    old: Json = attrs.field(repr=False)
    new: Json = attrs.field(repr=False)
    who: str
    at: float
    origin: str

    @property
    def where(self) -> str:
        """Give the field's path, as errors name it."""
        row = f"[{self.key}]" if self.key else ""
        return f"{self.section}{row}.{self.field}"


@attrs.frozen
class Revision:
    """A committed draft."""

    number: int
    who: str
    at: float
    origin: str
    comment: str
    plan: str


@attrs.frozen
class OwnedFile:
    """A file as a save left it, to see hand edits by.

    Attributes:
        sha256: digest of what stood there when the save ended.
        revision: the one that wrote it.
        base: digest of what was rendered; another than ``sha256`` where an admin's edit was
            kept or merged.
        choice: ``keep`` or ``merge`` then, with ``since`` when and by ``who``.
        secret: its content is never shown.
    """

    path: str
    module: str
    sha256: str
    mode: int
    revision: int
    base: str = attrs.field()
    choice: str = ""
    since: float = 0.0
    who: str = ""
    secret: bool = False

    @base.default
    def _rendered(self) -> str:
        return self.sha256


def mask(schema: Schema, change: Change) -> Change:
    """Hide a change's values when they are secret, or when nobody can tell."""
    if not is_hidden(schema, change.section, change.field):
        return change
    old, new = (None if value is None else MASK for value in (change.old, change.new))
    return attrs.evolve(change, old=old, new=new)


def encode(value: Json) -> str | None:
    """Give a value as canonical JSON, so that equal values are equal texts."""
    if value is None:
        return None
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def decode(text: str | None) -> Json:
    """Give the value of a JSON text."""
    return None if text is None else json.loads(text)


def is_hidden(schema: Schema, section: str, field: str) -> bool:
    """Tell whether a field is secret, or may be.

    A field of a module that is not loaded is hidden too. Sections without a dot are the core's
    own and hold no secrets.
    """
    if "." not in section:
        return False
    bound = schema.get(section)
    names = {item.name: item for item in bound.section.fields} if bound else {}
    return field not in names or names[field].type.secret
