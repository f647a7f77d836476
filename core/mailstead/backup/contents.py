"""The index within a backup: what its settings part holds, and where that belongs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

import attrs

from mailstead.backup.headers import RIGHTS, refuse_name
from mailstead.backup.limits import FILE_BYTES, INDEX_BYTES, ITEMS, TOTAL_BYTES, refuse_beyond
from mailstead.backup.manifest import load_object, take, take_digest, take_list
from mailstead.errors import ArchiveError
from mailstead.settings.store_copy import Place

INDEX = "index.json"
STORE = "settings.db"
Kind = Literal["settings", "sqlite", "file"]
_PLACE_LENGTH = 3


@attrs.frozen
class Item:
    """One member of the settings part.

    Attributes:
        name: its name in the part.
        path: the system path it belongs to; empty for the settings.
        module: whose it is; empty for files of the admin's own.
        mode, owner, group: of a file; a database keeps those it has.
    """

    name: str
    kind: Kind
    size: int
    sha256: str
    path: str = ""
    module: str = ""
    mode: int = 0o600
    owner: str = "root"
    group: str = "root"


@attrs.frozen
class Index:
    """Everything in the settings part, and where secrets were left out of the settings."""

    items: tuple[Item, ...]
    left_out: tuple[Place, ...] = ()

    def of(self, kind: Kind) -> tuple[Item, ...]:
        """Give the items of a kind."""
        return tuple(item for item in self.items if item.kind == kind)


def name_of(kind: Kind, path: str) -> str:
    """Give the name in the part for what belongs to a system path."""
    return STORE if kind == "settings" else f"{kind}{path}"


def dump(index: Index) -> bytes:
    """Give the index as it is stored. Raises ArchiveError when no reader would take it."""
    raw = {"items": [attrs.asdict(item) for item in index.items], "left_out": index.left_out}
    content = json.dumps(raw, indent=1).encode() + b"\n"
    refuse_beyond("bytes", len(content), INDEX_BYTES, INDEX)
    return content


def parse(content: bytes) -> Index:
    """Read an index. Raises ArchiveError."""
    raw = load_object(content, INDEX)
    items = [_item(found) for found in take_list(raw, "items", INDEX)]
    refuse_beyond("files", len(items), ITEMS, INDEX)
    refuse_beyond("bytes", sum(item.size for item in items), TOTAL_BYTES, INDEX)
    _refuse_twice(item.name for item in items)
    _refuse_twice(item.path for item in items)
    if [item.name for item in items if item.kind == "settings"] != [STORE]:
        raise ArchiveError("it is damaged: no settings", where=INDEX)
    return Index(tuple(items), tuple(map(_place, take(raw, "left_out", list, INDEX))))


def _item(raw: Mapping[str, Any]) -> Item:
    text = {name: take(raw, name, str, INDEX)
            for name in ("name", "path", "module", "owner", "group")}  # fmt: skip
    kind: Any = take(raw, "kind", str, INDEX)
    size, mode = take(raw, "size", int, INDEX), take(raw, "mode", int, INDEX)
    item = Item(kind=kind, size=size, mode=mode, sha256=take_digest(raw, INDEX), **text)
    _refuse_odd(item)
    return item


def _refuse_odd(item: Item) -> None:
    refuse_name(item.name)
    refuse_beyond("bytes", item.size, FILE_BYTES, item.name)
    if item.kind not in get_args(Kind):
        raise ArchiveError(f"its kind {item.kind!r} is not known here", where=item.name)
    is_rooted = item.path.startswith("/") != (item.kind == "settings")
    if item.name != name_of(item.kind, item.path) or not is_rooted:
        raise ArchiveError(f"it does not belong to {item.path!r}", where=item.name)
    if item.mode > RIGHTS:
        raise ArchiveError(f"the mode {item.mode:o} has more than rights", where=item.name)


def _refuse_twice(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ArchiveError("it is there twice", where=name)
        seen.add(name)


def _place(raw: object) -> Place:
    if not isinstance(raw, list) or len(raw) != _PLACE_LENGTH:
        raise ArchiveError("it is damaged: no place", where=INDEX)
    if not all(isinstance(part, str) for part in raw):
        raise ArchiveError("it is damaged: no place", where=INDEX)
    section, key, field = raw
    return section, key, field
